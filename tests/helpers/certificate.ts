/** Certificates for tests: made at run time, so that none is in the repository and none runs out. */
import { type MadeCertificate, makeCertificate } from "../../lib/tls/certificate.ts";

const HOSTS = ["localhost", "127.0.0.1", "::1"];

/** A self-signed certificate for localhost; another one at each call. */
export function testCertificate(): Promise<MadeCertificate> {
  return makeCertificate({ hosts: HOSTS });
}

const shared = testCertificate();

/** One certificate for all tests of a process. */
export function sharedCertificate(): Promise<MadeCertificate> {
  return shared;
}
