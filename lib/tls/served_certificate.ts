/** The certificate of new connections, replaced while the server runs. */
import type { Config } from "../config/config.ts";
import { certificateErrors } from "./certificate_findings.ts";
import type { CertificateWatch } from "./certificate_watch.ts";
import type { Log } from "../log/log.ts";
import { readTls, type TlsMaterial, watchTls } from "./tls_files.ts";

export interface ServedCertificateDeps {
  readonly log: Log;
  /** Notified of the certificate in use. */
  readonly certificate: CertificateWatch;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  /** New connections get this certificate from now on; rejects when it can't be used, and the old one stays. */
  readonly replace: (tls: TlsMaterial) => Promise<void>;
}

export class ServedCertificate {
  readonly #deps: ServedCertificateDeps;
  #material: TlsMaterial | undefined;
  #problem: string | null = null;
  #unwatch = () => {};

  constructor(deps: ServedCertificateDeps) {
    this.#deps = deps;
  }

  /** Records the material that the front serves. */
  use(tls: TlsMaterial): void {
    this.#material = tls;
    this.#deps.certificate.use(tls.cert);
  }

  /**
   * Serves `tls` to new connections, if it differs from the current material.
   *
   * @throws {Error} if it can't be used; the old one stays
   */
  async replace(tls: TlsMaterial | null): Promise<void> {
    if (!tls || (tls.cert === this.#material?.cert && tls.key === this.#material.key)) return;
    const { log, certificate, now, replace } = this.#deps;
    const problems = certificateErrors({ ...tls, now: now() });
    if (problems.length > 0) throw new Error(problems.join("; "));
    await replace(tls);
    this.use(tls);
    log.info("tls.reloaded", { expires_in_s: certificate.secondsLeft() });
  }

  /** Watches the files that `config` names, and no others. */
  watch(config: Config): void {
    this.#unwatch();
    this.#unwatch = watchTls(config, () => this.#changed(config));
  }

  close(): void {
    this.#unwatch();
  }

  /** Applies the contents of the files. Resolves to whether no further try is needed. A problem is logged once. */
  async #changed(config: Config): Promise<boolean> {
    try {
      await this.replace(await readTls(config));
      this.#problem = null;
      return true;
    } catch (error) {
      const problem = `tls: ${error instanceof Error ? error.message : String(error)}`;
      if (problem !== this.#problem) this.#deps.log.error("config.rejected", { problems: [problem] });
      this.#problem = problem;
      // This engine can't replace its certificate.
      return config.server.engine === "serve";
    }
  }
}
