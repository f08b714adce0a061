import { context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

/** Spans around handshakes and calls. Their attributes never hold a token, a message or anything a client can make long. */
export interface Tracing {
  /** Runs `body` in a span `handshake`; its result's `status` and `reason` become attributes. */
  handshake<T extends HandshakeOutcome>(ip: string, body: () => Promise<T>): Promise<T>;
  /** Begins a span `call` for a method of a handler's contract; call what it returns once with the result. */
  call(method: string, subprotocol: string): (result: string) => void;
}

/** What a handshake came to: accepted, or refused with a status and a reason. */
export interface HandshakeOutcome {
  readonly accepted: boolean;
  readonly status?: number;
  readonly reason?: string;
}

const nothing = () => {};
const OFF: Tracing = { handshake: (_, body) => body(), call: () => nothing };

/**
 * Spans by way of OpenTelemetry, exported by Deno itself when it runs with `OTEL_DENO=true`. Otherwise both functions do
 * nothing, at the price of a call.
 */
export function createTracing(enabled: boolean): Tracing {
  if (!enabled) return OFF;
  const tracer = trace.getTracer("sallyport");
  return {
    async handshake(ip, body) {
      const span = tracer.startSpan("handshake", { kind: SpanKind.SERVER, attributes: { "client.address": ip } });
      try {
        const outcome = await context.with(trace.setSpan(context.active(), span), body);
        const status = outcome.accepted ? 101 : outcome.status;
        if (status !== undefined) span.setAttribute("http.response.status_code", status);
        if (outcome.reason !== undefined) span.setAttribute("sallyport.reason", outcome.reason);
        return outcome;
      } catch (error) {
        fail(span, "internal");
        throw error;
      } finally {
        span.end();
      }
    },
    call(method, subprotocol) {
      const span = tracer.startSpan("call", {
        kind: SpanKind.SERVER,
        attributes: { "rpc.system": "jsonrpc", "rpc.method": method, "sallyport.subprotocol": subprotocol },
      });
      return (result) => {
        span.setAttribute("sallyport.result", result);
        if (result === "internal" || result === "timeout") fail(span, result);
        span.end();
      };
    },
  };
}

/** Whether Deno was told to export spans. */
export function tracingEnabled(env: (name: string) => string | undefined): boolean {
  return ["true", "1"].includes(env("OTEL_DENO") ?? "");
}

function fail(span: Span, message: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
