/** Tracks the expiry of the certificate in use. */
import { certificateValidity, type ExpiryStage, expiryStage, type Validity } from "./certificate_findings.ts";
import type { Log } from "../log/log.ts";

/**
 * Tracks the expiry of the certificate in use: the value of the metric, and one log line for each stage (30, 7, 1 days,
 * expired).
 */
export class CertificateWatch {
  private validity: Validity | null = null;
  private told: ExpiryStage | null = null;

  /** `now` is in milliseconds since the epoch. */
  constructor(private readonly log: Log, private readonly now: () => number = Date.now) {}

  /** Tracks this PEM from now on. Called at the start and after each reload. */
  use(cert: string): void {
    this.validity = certificateValidity(cert);
    this.told = null;
    this.check();
  }

  /** Logs `certificate.expiring` when a new stage is reached. To be called periodically (hourly). */
  check(): void {
    if (!this.validity) return;
    const stage = expiryStage(this.validity, this.now());
    if (stage === this.told) return;
    this.told = stage;
    if (stage === null) return;
    const fields = {
      not_after: new Date(this.validity.notAfter).toISOString(),
      days: Math.floor(this.secondsLeft() / 86_400),
    };
    if (stage === 0) this.log.error("certificate.expired", fields);
    else this.log.warn("certificate.expiring", fields);
  }

  /** Value of the gauge; NaN without a certificate. */
  secondsLeft(): number {
    return this.validity ? Math.floor((this.validity.notAfter - this.now()) / 1000) : NaN;
  }

  /** For readiness: whether the certificate is valid; true without one. */
  valid(): boolean {
    return !this.validity || (this.secondsLeft() > 0 && this.now() >= this.validity.notBefore);
  }
}
