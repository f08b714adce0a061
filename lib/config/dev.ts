/** The configuration of `serve --dev`: no file, localhost only, keys in one folder. */
import { join } from "node:path";
import { type Config, ConfigSchema } from "./schema.ts";

export interface DevOptions {
  /** Port of the listener, 0 for a free one. The origins contain the port, so the final number is required here. */
  port: number;
  /**
   * Absolute path of the folder with `server.crt`, `server.key` and `dev.secret`. This function neither reads nor
   * creates them.
   */
  certsDir: string;
  /** The modules to serve: absolute paths or `file:///` URLs. */
  handlers: readonly { subprotocol: string; module: string }[];
}

const DEV_RATE = { rate: 100, burst: 500 };

/** All defaults with the changes for development. */
export function devConfig({ port, certsDir, handlers }: DevOptions): Config {
  return ConfigSchema.parse({
    server: { host: "localhost", port },
    tls: { cert_file: join(certsDir, "server.crt"), key_file: join(certsDir, "server.key"), hsts_max_age: "0s" },
    admission: { origins: devOrigins(port) },
    auth: {
      algorithms: ["HS256"],
      secret_file: join(certsDir, "dev.secret"),
      issuer: "sallyport-dev",
      audience: "sallyport",
    },
    // Each load of the page takes a dozen requests, a ticket and a handshake, all of one address and one user.
    limits: { handshake: DEV_RATE, handshake_user: DEV_RATE, ticket: DEV_RATE },
    handlers: handlers.map(({ subprotocol, module }) => ({ subprotocol, module })),
    log: { format: "pretty" },
  });
}

/** The origins of the development page. */
export function devOrigins(port: number): string[] {
  const suffix = port === 443 ? "" : `:${port}`;
  return [`https://localhost${suffix}`, `https://127.0.0.1${suffix}`];
}
