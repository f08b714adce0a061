/** Findings about origins and tokens that weaken admission. */
import { type Finding, finding } from "./finding.ts";
import type { Config } from "../schema.ts";
import { isLoopback } from "../texts.ts";

export function identityFindings(config: Config): Finding[] {
  return [...originFindings(config), ...tokenFindings(config), ...cookieFindings(config)];
}

function originFindings({ admission }: Config): Finding[] {
  const findings: Finding[] = [];
  if (admission.allow_missing_origin) {
    findings.push(finding(
      "warning",
      "admission.allow_missing_origin",
      "Clients without an Origin header are let in with a Bearer header",
      "The origin check stops pages of other sites; a program can send any origin",
      "Set it to false if every client is a browser",
    ));
  }
  if (!admission.require_subprotocol) {
    findings.push(finding(
      "warning",
      "admission.require_subprotocol",
      "Clients that name no subprotocol are let in",
      "They get the first handler, even if they do not speak its protocol",
      "Set it to true and let clients name their subprotocol",
    ));
  }
  admission.origins.forEach((origin, index) => {
    if (!origin.startsWith("http://")) return;
    const local = isLoopback(new URL(origin).hostname.replace(/^\[|\]$/g, ""));
    findings.push(finding(
      local ? "note" : "warning",
      `admission.origins[${index}]`,
      `${origin} is served without TLS`,
      local
        ? "Any program that serves a page on that port of the user's machine is let in"
        : "An attacker on the network can replace the page",
      local ? "Leave it out in production" : "Serve the page over https",
    ));
  });
  return findings;
}

function tokenFindings({ auth }: Config): Finding[] {
  const findings: Finding[] = [];
  if (auth.sources.includes("query")) {
    findings.push(finding(
      "warning",
      "auth.sources",
      'Tokens are taken from the URL ("query")',
      "URLs end up in browser histories, proxy logs and Referer headers",
      'Use "ticket" for browsers and "header" for programs',
    ));
  }
  if (auth.algorithms.some((algorithm) => algorithm.startsWith("HS"))) {
    findings.push(finding(
      "note",
      "auth.algorithms",
      "Tokens are signed with a shared secret",
      "Every program that verifies tokens can also sign them, this server included",
      "Use ES256 or EdDSA, of which the server needs only the public key",
    ));
  }
  if (auth.private_key_file !== undefined) {
    findings.push(finding(
      "note",
      "auth.private_key_file",
      "The key that signs tokens is on this machine",
      "The server never needs it, only the command token does",
      "Keep it on the machine that issues tokens",
    ));
  }
  return findings;
}

function cookieFindings({ auth, tls, server }: Config): Finding[] {
  if (!auth.sources.includes("cookie")) return [];
  const findings: Finding[] = [];
  if (!auth.cookie.startsWith("__Host-")) {
    findings.push(finding(
      "warning",
      "auth.cookie",
      `The cookie ${auth.cookie} can be set by other hosts of the same domain`,
      "Only a name that begins with __Host- is bound to one host over https",
      `Name it __Host-${auth.cookie.replace(/^__Secure-/, "")}`,
    ));
  }
  if (tls === undefined && server.unix === undefined && server.trusted_proxies.length === 0) {
    findings.push(finding(
      "warning",
      "auth.sources",
      "Tokens are taken from a cookie, without TLS",
      "Browsers send a Secure cookie over https only; an attacker on the network can read any other cookie",
      "Configure [tls], or name the proxy that has it in server.trusted_proxies",
    ));
  }
  return findings;
}
