import type { Promised } from "./mutant.ts";

export const front: readonly Promised[] = [
  {
    promise: "Half requests, slow TLS, many connections",
    file: "lib/front/edge/request_head.ts",
    by: "tests/front/edge/request_head_test.ts",
    edits: [["export const MAX_HEAD_BYTES = 16 * 1024;", "export const MAX_HEAD_BYTES = 1024 * 1024;"]],
  },
  {
    promise: "Request smuggling behind a refusal",
    file: "lib/front/edge/request_head.ts",
    by: "tests/front/edge/request_head_test.ts",
    edits: [
      ["byte === DELETE || (byte < SPACE", "(byte < SPACE", "DEL in a value"],
      [
        'if (more.length > 0 || version === undefined) return bad("Request line is not method, target and version");',
        'if (version === undefined) return bad("Request line is not method, target and version");',
        "a fourth word",
      ],
      ['if (!TOKEN_REGEXP.test(method!)) return bad("Method is not a token");', "", "method that is no token"],
      ['if (!isOriginForm(target!)) return bad("Request target is not in origin-form");', "", "absolute-form target"],
      ['if (version !== "HTTP/1.1") return bad("Version is not HTTP/1.1");', "", "400: HTTP/1.0"],
      ["if (seen.has(key)) return bad(`Header ${key} occurs twice`);", "", "two Cookies"],
      ['"authorization",', "", "two Authorizations"],
      ['  "cookie",\n', "", "two Cookies"],
      ['  "origin",\n', "", "two Origins"],
      ['  "sec-websocket-key",\n', "", "two keys"],
      ['  "sec-websocket-version",\n', "", "two versions"],
      ["host === null || !isHost(host)", "host === null", "Host with a path"],
      [
        "if (length !== null && coding !== null) return",
        "if (false as boolean) return",
        "Content-Length and Transfer-Encoding",
      ],
      [
        "if (length !== null && !LENGTH_REGEXP.test(length)) return",
        "if (false as boolean) return",
        "negative Content-Length",
      ],
      [
        'if (coding !== null && coding.toLowerCase() !== "chunked") return',
        "if (false as boolean) return",
        "isn't chunked",
      ],
      ["(coding !== null || (length !== null && Number(length) > 0))", "(coding !== null)", "GET with a body"],
      [
        "(coding !== null || (length !== null && Number(length) > 0))",
        "(length !== null && Number(length) > 0)",
        "upgrade with a chunked body",
      ],
      [
        "(coding !== null || (length !== null && Number(length) > 0))",
        "(coding !== null || length !== null)",
        "GET with Content-Length 0",
      ],
      ["(?:[A-Za-z0-9._~\\-]+|", "(?:[A-Za-z0-9._~\\-@]+|", "Host with userinfo"],
      ["if (this.#head !== null || this.#failure !== null) return 0;", "", "consumes the head"],
    ],
  },
  {
    promise: "Half requests, slow TLS, many connections",
    file: "lib/front/edge/request_head.ts",
    by: "tests/front/edge/request_head_test.ts",
    edits: [
      ["export const MAX_HEADER_LINES = 64;", "export const MAX_HEADER_LINES = 6400;", "header lines give"],
      ["if (this.#lines++ > MAX_HEADER_LINES)", "if (this.#lines++ > MAX_HEADER_LINES + 1)", "header lines give"],
      ["if (this.#lines++ > MAX_HEADER_LINES)", "if (this.#lines++ >= MAX_HEADER_LINES)", "header lines give"],
    ],
  },
  {
    promise: "Request smuggling behind a refusal",
    file: "lib/front/edge/handshake.ts",
    by: "tests/front/edge/handshake_test.ts",
    edits: [
      ['if (url.pathname !== head.target.split("?", 1)[0]) {', "if (false as boolean) {", "dot segment"],
      [
        "if (url.pathname !== config.server.path) return this.#answerRoute(head, url);",
        "if (!url.pathname.endsWith(config.server.path)) return this.#answerRoute(head, url);",
        "two slashes",
      ],
      [
        'return this.#refuse(refuse("method_not_allowed"));',
        'return this.#refuse(refuse("internal"));',
        "edge answers routes",
      ],
      ["gate.abandoned(decision);", "", "gives the gate back"],
      ["consumed < chunk.length ? chunk.subarray(consumed) : null", "null", "pipelined behind the head"],
    ],
  },
  {
    promise: "Request smuggling behind a refusal",
    file: "lib/front/edge/handshake.ts",
    by: "tests/front/engines_test.ts",
    edits: [
      [
        "this.#answer(internalError(this.#context.config)).catch(() => this.#connection.destroy());",
        "this.#connection.destroy();",
        "edge: answers 500 internal",
      ],
    ],
  },
  {
    promise: "Request smuggling behind a refusal",
    file: "lib/front/edge/response.ts",
    by: "tests/front/edge/handshake_test.ts",
    edits: [
      ['"Connection: close"];', '"Connection: keep-alive"];', "edge refuses and closes: no upgrade"],
    ],
  },
  {
    promise: "README.md: 503, with `Retry-After`",
    file: "lib/front/http/headers.ts",
    by: "tests/front/http/routes_test.ts",
    edits: [
      ["Math.max(1, Math.ceil(retryAfter))", "Math.floor(retryAfter)"],
      ['"X-Content-Type-Options": "nosniff",\n', ""],
      ['"Cache-Control": "no-store",\n', ""],
      ["Math.floor(config.tls.hsts_max_age / 1000)", "config.tls.hsts_max_age"],
      [
        "JSON.stringify({ error: reason })",
        "JSON.stringify({ error: reason, ...headers, detail: arguments[0].detail })",
      ],
      ['"Connection": "close",\n', ""],
    ],
  },
  {
    promise: "README.md: `not_found`",
    file: "lib/front/http/routes.ts",
    by: "tests/front/http/routes_test.ts",
    edits: [
      ["if (!route.methods.includes(method)) {", "if (false as boolean) {"],
      ['const allowed = { "Allow": route.methods.join(", ") };', "const allowed = {};"],
      ["options.failed?.(error);", ""],
      ['methods: ["POST", "OPTIONS"], answer: ticket', 'methods: ["GET", "POST", "OPTIONS"], answer: ticket'],
    ],
  },
  {
    promise: "README.md: believes the proxy's X-Forwarded-For",
    file: "lib/front/forwarded.ts",
    by: "tests/front/forwarded_test.ts",
    edits: [
      ["if (header === null || !(local || trusted(peer)))", "if (header === null)"],
      ["if (header === null || !(local || trusted(peer)))", "if (header === null || !trusted(peer))"],
      ["if (!trusted(hop)) break;", ""],
      ["if (hop === null) break;", "if (hop === null) continue;"],
      ['if (!bare.includes(":") && !ipaddr.IPv4.isValidFourPartDecimal(bare)) return null;', ""],
      ["return ipaddr.process(bare);", "return ipaddr.parse(bare);"],
      ["const bare = zone < 0 ? text : text.slice(0, zone);", "const bare = text;"],
      ["withoutPort(hops[index]!.trim())", "hops[index]!.trim()"],
      ["base instanceof ipaddr.IPv6 && base.isIPv4MappedAddress() && bits >= 96", "false"],
      ['[address, address.kind() === "ipv4" ? 32 : 128]', "[address, 24]"],
    ],
  },
  {
    promise: 'README.md: trusted_proxies = ["127.0.0.1"]',
    file: "lib/front/edge/proxy_protocol.ts",
    by: "tests/front/edge/proxy_protocol_test.ts",
    edits: [
      ['if (bytes[at] !== SIGNATURE[at]) return "invalid";', "if (bytes[at] !== SIGNATURE[at]) break;"],
      ['if (command !== COMMAND.local && command !== COMMAND.proxy) return "invalid";', ""],
      ['if (size > MAX_PROXY_HEADER_BYTES) return "invalid";', ""],
      ["(addresses === null || length < addresses)", "(addresses === null)"],
      ["(addresses === null || length < addresses)", "(length < (addresses ?? 0))"],
      ["command === COMMAND.proxy ? sourceAddress(bytes) : null", "sourceAddress(bytes)"],
      ['if (bytes.length < size) return "more";', ""],
    ],
  },
  {
    promise: "README.md: `bad_request`",
    file: "lib/front/edge/handshake.ts",
    by: "tests/front/engines_test.ts",
    edits: [
      [
        'if (url === null) return this.#refuse(refuse("bad_request", { detail: "Host is invalid" }));',
        "",
        "edge: refuses malformed requests",
      ],
    ],
  },
  {
    promise: "README.md: `bad_request`",
    file: "lib/front/deno_serve/deno_serve.ts",
    by: "tests/front/engines_test.ts",
    edits: [
      ['if (url === null) return "Host is invalid";', "", "serve: refuses malformed requests"],
    ],
  },
  {
    promise: "README.md: 1011",
    file: "lib/front/edge/edge_socket.ts",
    by: "tests/front/engines_test.ts",
    edits: [
      [
        "    } catch (error) {\n      this.sinkFailed(error);\n    }",
        "    } catch {\n      return;\n    }",
        "told of a failure",
      ],
    ],
  },
  {
    promise: "README.md: 1011",
    file: "lib/front/deno_serve/serve_socket.ts",
    by: "tests/front/engines_test.ts",
    edits: [
      ["    if (!this.open) return;\n    const bytes", "    const bytes", "hears no message after"],
    ],
  },
];
