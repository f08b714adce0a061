/** The static files of the development page. */
import { stripTypeScriptTypes } from "node:module";
import { CLIENT_SOURCES } from "./client_sources.ts";
import html from "./index.html" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import style from "./style.css" with { type: "text" };
import app from "./app.js" with { type: "text" };
import ask from "./ask.js" with { type: "text" };
import attempts from "./attempts.js" with { type: "text" };
import chat from "./chat.js" with { type: "text" };
import meanings from "./meanings.js" with { type: "text" };
import * as outcomes from "./outcomes.js";
import socket from "./socket.js" with { type: "text" };
import view from "./view.js" with { type: "text" };
import words from "./words.js" with { type: "text" };

/** A file of the page; `type` is its Content-Type. */
export interface PageFile {
  readonly body: string;
  readonly type: string;
}

/** Requests of the page beyond those of every client. */
export interface PageRoute {
  readonly methods: readonly string[];
  answer(request: Request): Promise<Response>;
}

/** The page by path. */
export type Page = ReadonlyMap<string, PageFile | PageRoute>;

/**
 * The content security policy: files of this origin and connections to it only, no inline script or style, no framing,
 * and trusted types, so that text is never parsed as markup. `'self'` in connect-src covers `wss:` of the same host and
 * port.
 */
export const pageContentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

const SCRIPT = "text/javascript; charset=utf-8";

/** All files of the page by path. The client library is served as its source without types. */
export function developmentPage(): Map<string, PageFile> {
  const scripts = { app, ask, attempts, chat, meanings, outcomes: literals(outcomes), socket, view, words };
  return new Map([
    ["/", { body: html, type: "text/html; charset=utf-8" }],
    ["/style.css", { body: style, type: "text/css; charset=utf-8" }],
    ["/icon.svg", { body: icon, type: "image/svg+xml" }],
    ...Object.entries(scripts).map(([name, body]) => [`/${name}.js`, { body, type: SCRIPT }] as const),
    ...Object.entries(CLIENT_SOURCES).map(([name, source]) =>
      [`/client/${name}.ts`, { body: stripTypeScriptTypes(source), type: SCRIPT }] as const
    ),
  ]);
}

/** A script with the same exports. Keys and values are strings and numbers. */
function literals(module: Readonly<Record<string, ReadonlyMap<unknown, string>>>): string {
  return Object.entries(module)
    .map(([name, map]) => `export const ${name} = new Map(${JSON.stringify([...map])});\n`)
    .join("");
}
