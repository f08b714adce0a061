import type { Promised } from "./mutant.ts";

export const admission: readonly Promised[] = [
  {
    promise: "Guessing secrets by timing",
    file: "lib/base/equal_secrets.ts",
    by: "tests/base/equal_secrets_test.ts",
    edits: [
      ["return equalDigests(left, right);", "return left[0] === right[0];"],
      ["return equalDigests(left, right);", "return left.join() === right.join();"],
      ["return equalDigests(left, right);", "return a === b;"],
    ],
  },
  {
    promise: "A web page opens a socket with the user's cookies",
    file: "lib/admission/origin.ts",
    by: "tests/admission/origin_test.ts",
    edits: [
      ["return origin !== null && allowed.has(origin);", "return origin !== null;"],
      ["return url.hostname === match[2]?.toLowerCase() ? url.origin : null;", "return url.origin;"],
      ["if (text.length > MAX_LENGTH) return null;", ""],
      ['return mayBeMissing ? "allowed" : "origin_missing";', 'return "allowed";'],
      ['return allowed.has(header) ? "allowed" : "origin_not_allowed";', 'return "allowed";'],
    ],
  },
  {
    promise: "A web page opens a socket with the user's cookies",
    file: "lib/admission/admission.ts",
    by: "tests/admission/admission_test.ts",
    edits: [
      ['auth.sources.includes("header") &&\n    bearerToken(headers) !== null;', "true;", "lets the origin be missing"],
      [
        "checkUpgrade(handshake) ?? await checkOrigin(handshake, context) ?? checkCapacity(context)",
        "checkUpgrade(handshake) ?? checkCapacity(context) ?? await checkOrigin(handshake, context)",
      ],
    ],
  },

  {
    promise: "README.md: The server checks a handshake in this order",
    file: "lib/admission/admission.ts",
    by: "tests/admission/admission_test.ts",
    edits: [
      ['if (draining) return refuse("draining"', 'if (false) return refuse("draining"', "a server that drains"],
      ['if (full) return refuse("server_full"', 'if (false) return refuse("server_full"', "a server that is full"],
      ['if (overloaded) return refuse("overloaded"', 'if (false) return refuse("overloaded"', "under too much load"],
      [
        'if (toll.refusal !== null && credential.kind !== "token" && credential.kind !== "ticket") return toll.refusal;',
        "",
        "order of the contract",
      ],
      ["if (!choice.ok) return refuse(choice.reason);", "", "an unknown subprotocol"],
      ["!roles.includes(auth.required_role)", "roles.length === 0", "a role too few"],
      [
        "context.userConnections(user) >= server.max_connections_per_user",
        "context.userConnections(user) > server.max_connections_per_user",
        "too many connections",
      ],
    ],
  },
  {
    promise: "Tokens in URLs and logs",
    file: "lib/admission/tickets.ts",
    by: "tests/admission/tickets_test.ts",
    edits: [
      ["if (parseOrigin(origin) !== boundTo) return null;", "", "from a wrong origin"],
      [
        "const record = await this.#state.take(SPACE, await keyOf(ticket));",
        "const record = await this.#state.take(SPACE, await keyOf(ticket));\n" +
        "    if (record !== undefined) await this.#state.put(SPACE, await keyOf(ticket), record, LIFETIME_MS);",
        "identity back once",
      ],
      ["identity.expiresAt <= this.#deps.now() || ", "", "end with the token"],
      [" || this.#deps.isRevoked?.(identity)", "", "end with the token"],
      ["const key = await keyOf(ticket);", "const key = ticket;", "kept as hashes"],
      [
        "if (boundTo === null || !this.#hasRoom(now)) return null;",
        "if (boundTo === null) return null;",
        "bounded in number",
      ],
      ["if (ticket.length !== TICKET_LENGTH || !isCanonicalBase64url(ticket)) return null;", "", "of a wrong form"],
      ["const LIFETIME_MS = 30_000;", "const LIFETIME_MS = 60_000;", "live 30 seconds"],
    ],
  },
  {
    promise: "A web page opens a socket with the user's cookies",
    file: "lib/admission/admission.ts",
    by: "tests/admission/admission_test.ts",
    edits: [
      ['await context.redeemTicket(ticket, origin ?? "").catch(() => null);', "", "burns a ticket"],
      [
        'redeem(credential.ticket, handshake.headers.get("origin") ?? "", context)',
        'redeem(credential.ticket, "https://other.example", context)',
        "for the origin it came with",
      ],
      ["admission.allow_missing_origin && auth", "auth", "lets the origin be missing"],
    ],
  },
  {
    promise: "README.md: Before it answers `101 Switching Protocols`, Sallyport checks the origin",
    file: "lib/admission/upgrade.ts",
    by: "tests/admission/upgrade_test.ts",
    edits: [
      ['if (method !== "GET") return', 'if (method === "POST") return'],
      ['if (headers.get(name)?.includes(",")) return', "if (false) return"],
      ['if (!headers.get("host")) return', "if (false) return"],
      ['headers.has("transfer-encoding") || ', ""],
      [' || (headers.get("content-length") ?? "0") !== "0"', ""],
      ['if (!listHas(headers.get("upgrade"), "websocket")) return', 'if (!headers.has("upgrade")) return'],
      ['if (!listHas(headers.get("connection"), "upgrade")) return', "if (false) return"],
      ['headers.get("sec-websocket-version") !== "13"', '!headers.has("sec-websocket-version")'],
      ['if (!isHandshakeKey(headers.get("sec-websocket-key") ?? "")) {', 'if (!headers.get("sec-websocket-key")) {'],
    ],
  },
  {
    promise: "README.md: a subprotocol entry `bearer.TOKEN`, which the server never echoes",
    file: "lib/admission/subprotocol.ts",
    by: "tests/admission/subprotocol_test.ts",
    edits: [
      [
        "if (new Set(elements).size !== elements.length || !elements.every(isToken)) return null;",
        "if (!elements.every(isToken)) return null;",
      ],
      [
        "if (new Set(elements).size !== elements.length || !elements.every(isToken)) return null;",
        "if (new Set(elements).size !== elements.length) return null;",
      ],
      ["return required ? { ok: false", "return false ? { ok: false"],
      [
        "supported.find((name) => offered.has(name)",
        "offer.subprotocols.find((name) => supported.includes(name)",
        "the server's first",
      ],
    ],
  },
  {
    promise: "README.md: The server takes the token from the first source of `auth.sources` that has one",
    file: "lib/admission/credentials.ts",
    by: "tests/admission/credentials_test.ts",
    edits: [
      ["else if (found.value !== value) {", "else if (false) {"],
      [
        "new Set(auth.sources)",
        'new Set(["header", "subprotocol", "ticket", "cookie", "query"] as Source[])',
        "no source that is not configured",
      ],
      ['field.slice(0, 7).toLowerCase() !== "bearer "', "false", "another scheme"],
      ["trimBlanks(pair.slice(0, equals)) !== name", "pair.slice(0, equals).trim() !== name", "no-break space"],
    ],
  },
  {
    promise: "Many forged tokens, malformed requests or broken frames",
    file: "lib/admission/toll.ts",
    by: "tests/admission/toll_test.ts",
    edits: [
      ['if (known.reason === "token_invalid") this.#deps.forged(this.#ip);', ""],
      ["const unpaid = WAS_VALID.has(known.reason) ? null : this.refusal;", "const unpaid = null;"],
      ["if (this.#wait === 0) return await identify();", "return await identify();"],
      ['if (banned > 0) return refuse("banned"', 'if (false) return refuse("banned"'],
      ["if (wait > 0) {", "if (false) {"],
      ["if (this.#wait === 0) this.#deps.returnHandshake(this.#ip);", ""],
      ["this.#banned > 0 ? this.#banned : deps.takeHandshake(ip)", "deps.takeHandshake(ip)"],
      ["    } finally {\n      end();\n    }", "    } finally {\n      void end;\n    }"],
    ],
  },
  {
    promise: "README.md: A ticket replaces the token for one handshake within 30 seconds",
    file: "lib/admission/ticket_endpoint.ts",
    by: "tests/admission/ticket_endpoint_test.ts",
    edits: [
      ['if (origin === null || allowed !== "allowed") {', "if (origin === null) {"],
      [
        'if (token === null) return toll.refusal ?? refuse("token_missing");',
        'if (token === null) return refuse("token_missing");',
      ],
      ["const limited = deps.takeTicket(identity.user);", "const limited = 0;"],
      [
        "required_role !== undefined && !identity.roles.includes(required_role)",
        "required_role !== undefined && false",
      ],
      ["const wait = deps.takePreflight(peer.ip);", "const wait: number = 0;"],
    ],
  },
  {
    promise: "Forged, confused or stale tokens",
    file: "lib/admission/token/token_form.ts",
    by: "tests/admission/token/bad_tokens_test.ts",
    edits: [
      ["if (!parts.every(isCanonicalBase64url)) return", "if (false) return"],
      ['if ("crit" in header || "b64" in header) return', 'if ("crit" in header) return'],
      ['if ("crit" in header || "b64" in header) return', 'if ("b64" in header) return'],
      ['"enc" in header || "zip" in header || "cty" in header', '"enc" in header || "zip" in header'],
      ["if (typ !== undefined && !isTokenType(typ)) return", "if (false) return"],
    ],
  },
  {
    promise: "Forged, confused or stale tokens",
    file: "lib/admission/token/claims.ts",
    by: "tests/admission/token/bad_tokens_test.ts",
    edits: [
      ["if (iss !== rules.issuer) return", "if (false) return"],
      ["if (!isFor(aud, rules.audience)) return", "if (false) return"],
      [
        "if (!Array.isArray(aud)) return aud === audience;",
        'if (!Array.isArray(aud)) return typeof aud === "string" && aud.startsWith(audience);',
      ],
      ["if (!isName(sub)) return", 'if (typeof sub !== "string") return'],
      ["if (jti !== undefined && !isName(jti)) return", 'if (jti !== undefined && typeof jti !== "string") return'],
      ["if (!isDate(exp)) return", 'if (typeof exp !== "number") return'],
      ["if (issuedAt > now + rules.clock_skew) return", "if (false) return"],
      ["if (nbf !== undefined && nbf * 1000 > now + rules.clock_skew) return", "if (false) return"],
      ["if (now - issuedAt > rules.max_age + rules.clock_skew) return", "if (false) return"],
      ["if (roles === null) return", "if (false) return"],
    ],
  },
  {
    promise: "Forged, confused or stale tokens",
    file: "lib/admission/token/verifier.ts",
    by: "tests/admission/token/verifier_test.ts",
    edits: [
      ['if (verdict.expired) return { ok: false, reason: "token_expired", detail: "exp is over" };', ""],
      ['if (isRevoked?.(verdict.identity)) return { ok: false, reason: "token_revoked", detail: "Revoked" };', ""],
    ],
  },
  {
    promise: "Forged, confused or stale tokens",
    file: "lib/admission/token/verifier.ts",
    by: "tests/admission/token/bad_tokens_test.ts",
    edits: [
      ["if (key !== null) await verifiedPayload(decoy(key), key);", "void key;"],
    ],
  },
  {
    promise: "Forged, confused or stale tokens",
    file: "lib/admission/token/jwks.ts",
    by: "tests/admission/token/jwks_test.ts",
    edits: [
      ['if (new URL(url).protocol !== "https:") throw', "if (false) throw", "https only"],
      [
        "(waited >= (this.#keys.size === 0 ? emptyCooldownMs : cooldownMs) || waited < 0)",
        "waited > -Infinity",
        "once in a cool-down",
      ],
    ],
  },
  {
    promise: "Forged, confused or stale tokens",
    file: "lib/admission/token/fetch_text.ts",
    by: "tests/admission/token/jwks_test.ts",
    edits: [
      ['redirect: "manual"', 'redirect: "follow"', "redirects"],
      ["if (response.status !== 200) {", "if (response.status >= 500) {", "404 with a key set"],
      ["if (size > maxBytes) throw", "if (false) throw", "256 KiB and one"],
    ],
  },
  {
    promise: "README.md: `jose` verifies them with an algorithm allowlist",
    file: "lib/admission/token/keys.ts",
    by: "tests/admission/token/keys_test.ts",
    edits: [
      ["const RSA_MIN_BITS = 2048;", "const RSA_MIN_BITS = 1024;"],
      ["const RSA_MAX_BITS = 8192;", "const RSA_MAX_BITS = 65536;"],
      ["exponent < 3n || ", ""],
      ['if (kty === undefined) return "is not a valid key";', "if (kty === undefined) return null;"],
      ["return fitting.length === 1 ? fitting[0] ?? null : null;", "return fitting[0] ?? null;"],
    ],
  },
  {
    promise: "README.md: `jose` verifies them with an algorithm allowlist",
    file: "lib/admission/token/jwk_set.ts",
    by: "tests/admission/token/keys_test.ts",
    edits: [
      ['if (entry.kty === "oct" || "k" in entry) return', 'if ("k" in entry && false) return'],
      ['if ("d" in entry) return', "if (false) return"],
      ['if (entry.use !== undefined && entry.use !== "sig") return', "if (false) return"],
      ['if (Array.isArray(entry.key_ops) && !entry.key_ops.includes("verify")) return', "if (false) return"],
      ["if (entry.alg !== undefined && entry.alg !== alg) continue;", ""],
      ["if (new Set(names).size !== names.length) throw", "if (false) throw"],
      ["if (entries.length > MAX_JWKS_KEYS) throw", "if (false) throw"],
    ],
  },
  {
    promise: "README.md: `jose` verifies them with an algorithm allowlist",
    file: "lib/admission/token/key_files.ts",
    by: "tests/admission/token/keys_test.ts",
    edits: [
      ["if (secret.length * 8 < bits) {", "if (secret.length === 0) {"],
      ["if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) throw", "if (false) throw"],
    ],
  },
  {
    promise: "README.md: makes a key pair or a secret, mode 0600",
    file: "lib/admission/token/make_keys.ts",
    by: "tests/cli/keys_test.ts",
    edits: [
      ["mode: 0o600", "mode: 0o644"],
      ["createNew: true, ", ""],
      ["const SECRET_BYTES = 32;", "const SECRET_BYTES = 16;"],
      ["await Promise.all(written.map((path) => Deno.remove(path)));", ""],
    ],
  },
  {
    promise: "docs/operations.md: Live connections with such a token are closed with 4401",
    file: "lib/admission/revocation/revocations.ts",
    by: "tests/admission/revocation/revocations_test.ts",
    edits: [
      [
        "issuedUntil: revocation.issuedUntil ?? now()",
        "issuedUntil: revocation.issuedUntil ?? now() + 1e9",
        "revoked sub",
      ],
      ["this.#store.delete(SPACE, name);", "", "listed and lifted"],
      ["this.#steady = deps.steady ?? deps.now;", "this.#steady = deps.now;", "by the monotonic clock"],
      ["(expiresAt ?? from + retentionMs)", "(from + retentionMs)", "as long as told"],
      ["this.#kept.match(identity, now) || this.#file", "this.#file", "knows a token"],
      ['this.#announce(what, "ops");', "", "announced once"],
    ],
  },
  {
    promise: "docs/operations.md: A revocation is kept until every token it means is refused for its age",
    file: "lib/admission/revocation/revocation_entries.ts",
    by: "tests/admission/revocation/revocations_test.ts",
    edits: [
      ["issuedAt < before && now < until", "issuedAt < before", "for as long as it was told"],
      ["term.until > now && issuedAt <= term.issuedUntil", "issuedAt <= term.issuedUntil", "retention"],
      ["term.until > now && issuedAt <= term.issuedUntil", "term.until > now", "revoked sub"],
      ["until: Math.max(until, known?.until ?? -Infinity)", "until", "retention"],
      ['if (name.startsWith("before:")) this.#recallBefores();', "", "listed and lifted"],
    ],
  },
  {
    promise: "docs/operations.md: A line has an effect as soon as its newline is written",
    file: "lib/admission/revocation/revocation_form.ts",
    by: "tests/admission/revocation/revocations_test.ts",
    edits: [
      ["lines[0] = this.#rest + lines[0];", "", "RevokedLineReader"],
      ["this.#rest = lines.pop()!.slice(0, MAX_LINE_LENGTH);", 'this.#rest = "";', "RevokedLineReader"],
      ['value === "" || value.length > MAX_VALUE_LENGTH', 'value === ""', "RevokedLineReader"],
      ["RFC3339_REGEXP.test(text) ? Date.parse(text) : NaN", "Date.parse(text)", "RevokedLineReader"],
    ],
  },
  {
    promise: "docs/operations.md: If the file is missing, a folder, or unreadable, all revocations stay",
    file: "lib/admission/revocation/revoked_file.ts",
    by: "tests/admission/revocation/revocations_test.ts",
    edits: [
      [
        'this.#log.error("revocations.rejected", { path, problem });',
        "this.#revocations.clearFile();",
        "keeps up with the file",
      ],
      ["if (reading.unfinished !== null) return;", "", "acts by whole lines"],
    ],
  },
  {
    promise: "Forged, confused or stale tokens",
    file: "lib/admission/token/jwks.ts",
    by: "tests/admission/token/jwks_test.ts",
    edits: [
      ["this.#fetchedAt = previous.#fetchedAt;", "", "a reload costs none"],
    ],
  },
  {
    promise: "Forged, confused or stale tokens",
    file: "lib/admission/token/jwk_set.ts",
    by: "tests/admission/token/keys_test.ts",
    edits: [
      [
        "if (!Array.isArray(entries)) throw new KeyError('is not a key set, must be {\"keys\": […]}');",
        "",
        "what is not a key set",
      ],
    ],
  },
  {
    promise: "README.md: The claim `sub` becomes the user id. `auth.roles_claim` names the claim with the roles",
    file: "lib/admission/token/roles.ts",
    by: "tests/admission/token/roles_test.ts",
    edits: [
      ['last === "scope" ? roles.join(" ") : [...roles]', "[...roles]", "a scope as one string"],
    ],
  },
  {
    promise: "docs/operations.md: A line has an effect as soon as its newline is written",
    file: "lib/admission/auth_findings.ts",
    by: "tests/admission/auth_findings_test.ts",
    edits: [
      ["if (lines.unfinished !== null) {", "if (false as boolean) {", "without its newline"],
    ],
  },
  {
    promise: "docs/cluster.md: each keeps all of them in its own store",
    file: "lib/admission/revocation/revocations.ts",
    by: "tests/admission/revocation/revocations_test.ts",
    edits: [
      ["    this.#catchUp();\n    for (const [name, term]", "    for (const [name, term]", "shared with other nodes"],
    ],
  },
];
