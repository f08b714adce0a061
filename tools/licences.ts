/** The packages of deno.lock with the licences that their package.json declares. */
import { join } from "node:path";
import { DENO, ROOT, run } from "./project.ts";

export interface Package {
  readonly name: string;
  readonly version: string;
  /** The declared licence; `UNKNOWN` when there is none, or the package is not on this machine. */
  readonly licence: string;
  /** SHA-512 in hexadecimal, from the lock file. */
  readonly sha512: string;
  /** Names and versions of its dependencies. */
  readonly dependencies: readonly string[];
}

/** Licences that are compatible with shipping in an MIT program. */
export const ACCEPTED = [
  "MIT",
  "ISC",
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "MPL-2.0",
];

interface Lock {
  readonly npm?: Record<string, { integrity?: string; dependencies?: string[]; optionalDependencies?: string[] }>;
}

/** Every package of the lock file, by name. */
export async function lockedPackages(): Promise<Package[]> {
  const { npm = {} } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.lock"))) as Lock;
  const { stdout } = await run(DENO, ["info", "--json"], { quiet: true });
  const { npmCache } = JSON.parse(stdout) as { npmCache: string };
  const versions = new Map<string, string>();
  const ids = Object.keys(npm).map((id) => {
    // In "name@1.2.3_peer@4.5.6" the part after the underscore lists the resolved peers.
    const at = id.indexOf("@", 1);
    const [name, version] = [id.slice(0, at), id.slice(at + 1).split("_")[0]!];
    versions.set(name, version);
    return { id, name, version };
  });
  const packages = ids.map(async ({ id, name, version }): Promise<Package> => ({
    name,
    version,
    licence: await licenceOf(npmCache, name, version),
    sha512: hexadecimal(npm[id]?.integrity),
    dependencies: (npm[id]?.dependencies ?? []).map((needed) =>
      needed.indexOf("@", 1) > 0 ? needed.split("_")[0]! : `${needed}@${versions.get(needed) ?? ""}`
    ),
  }));
  return (await Promise.all(packages)).sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** Whether one of the alternatives of an SPDX expression is accepted. */
export function accepted(licence: string): boolean {
  const all = (text: string) => text.split(" AND ").every((one) => ACCEPTED.includes(one.trim()));
  return licence.replace(/[()]/g, "").split(" OR ").some(all);
}

async function licenceOf(cache: string, name: string, version: string): Promise<string> {
  try {
    for await (const registry of Deno.readDir(cache)) {
      const path = join(cache, registry.name, name, version, "package.json");
      const text = await Deno.readTextFile(path).catch(() => null);
      if (text === null) continue;
      const { license } = JSON.parse(text) as { license?: string | { type?: string } };
      return typeof license === "string" ? license : license?.type ?? "UNKNOWN";
    }
  } catch {
    // Without a cache the licence is unknown.
  }
  return "UNKNOWN";
}

function hexadecimal(integrity: string | undefined): string {
  return integrity?.startsWith("sha512-") ? Uint8Array.fromBase64(integrity.slice(7)).toHex() : "";
}
