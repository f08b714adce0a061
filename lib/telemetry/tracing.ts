/** OpenTelemetry spans of handshakes and calls. */
import { context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

/**
 * Creates spans for handshakes and calls. Their attributes never contain a token, a message, or text whose length a
 * client controls.
 */
export interface Tracing {
  /** Runs `body` in a span `handshake`. `status` and `reason` of its result become attributes. */
  handshake<T extends HandshakeOutcome>(ip: string, body: () => Promise<T>): Promise<T>;
  /** Starts a span `call` for a method of a handler's contract. Call the returned function once with the result. */
  call(method: string, subprotocol: string): (result: string) => void;
}

/** The result of a handshake: accepted, or refused with status and reason. */
export interface HandshakeOutcome {
  readonly accepted: boolean;
  readonly status?: number;
  readonly reason?: string;
}

const nothing = () => {};
const OFF: Tracing = { handshake: (_, body) => body(), call: () => nothing };

/** Spans by OpenTelemetry, exported by Deno itself with `OTEL_DENO=true`. Otherwise both functions do nothing. */
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

/** Whether Deno is configured to export spans. */
export function tracingEnabled(env: (name: string) => string | undefined): boolean {
  return ["true", "1"].includes(env("OTEL_DENO") ?? "");
}

function fail(span: Span, message: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
