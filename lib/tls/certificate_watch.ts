import { certificateValidity, type ExpiryStage, expiryStage, type Validity } from "./certificate_findings.ts";
import type { Log } from "../log/log.ts";

/** Follows the certificate in use towards its end: the metric's value, and one log line a stage (30, 7, 1 days, past). */
export class CertificateWatch {
  private validity: Validity | null = null;
  private told: ExpiryStage | null = null;

  /** `now` is in ms since the epoch. */
  constructor(private readonly log: Log, private readonly now: () => number = Date.now) {}

  /** Follows this PEM from now on: at start and after each reload. */
  use(cert: string): void {
    this.validity = certificateValidity(cert);
    this.told = null;
    this.check();
  }

  /** Logs `certificate.expiring` when a stage was reached since the last call; to be called now and then (hourly). */
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

  /** For the gauge; NaN without a certificate. */
  secondsLeft(): number {
    return this.validity ? Math.floor((this.validity.notAfter - this.now()) / 1000) : NaN;
  }

  /** For readiness; true without a certificate. */
  valid(): boolean {
    return !this.validity || (this.secondsLeft() > 0 && this.now() >= this.validity.notBefore);
  }
}
