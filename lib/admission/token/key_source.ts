/** Sources of verification keys: files and `jwks_url`. */
import type { Algorithm, Config } from "../../config/config.ts";
import type { Log } from "../../log/log.ts";
import { RemoteKeys, type RemoteKeysDeps } from "./jwks.ts";
import { readJwks } from "./jwk_set.ts";
import { readPublicKey, readSecret } from "./key_files.ts";
import { KeyError, type KeySet, type KeySource } from "./keys.ts";
import { decodeUtf8 } from "../../base/utf8.ts";
import { watchFile } from "../../base/watch_file.ts";

export interface KeySourceDeps extends RemoteKeysDeps {
  /** The source that this one replaces. */
  readonly previous?: KeySource;
}

type KeyFiles = Pick<Config["auth"], "algorithms" | "public_key_file" | "secret_file" | "jwks_file" | "jwks_url">;

/**
 * Opens the configured source. The server starts even when `jwks_url` does not answer; it is fetched again later.
 *
 * @throws {KeyError} if a file can't be read or contains no usable key
 */
export async function openKeySource(auth: KeyFiles, deps: KeySourceDeps): Promise<KeySource> {
  if (auth.jwks_url !== undefined) {
    const remote = new RemoteKeys(auth.jwks_url, auth.algorithms, deps);
    if (deps.previous instanceof RemoteKeys) remote.succeed(deps.previous);
    await remote.reload();
    return remote;
  }
  const file = keyFileOf(auth);
  if (file === null) throw new KeyError("auth names no key to verify tokens with");
  return await FileKeys.open(file, auth.algorithms, deps.log);
}

/** The configuration key of the file, its path, and its parser. */
export interface KeyFile {
  readonly key: "auth.secret_file" | "auth.public_key_file" | "auth.jwks_file";
  readonly path: string;
  read(bytes: Uint8Array, algorithms: readonly Algorithm[]): Promise<{ keys: KeySet; ignored: readonly string[] }>;
}

export function keyFileOf(auth: KeyFiles): KeyFile | null {
  const { secret_file, public_key_file, jwks_file } = auth;
  if (secret_file !== undefined) {
    return {
      key: "auth.secret_file",
      path: secret_file,
      read: async (bytes, algorithms) => ({ keys: await readSecret(bytes, algorithms), ignored: [] }),
    };
  }
  if (public_key_file !== undefined) {
    return {
      key: "auth.public_key_file",
      path: public_key_file,
      read: async (bytes, algorithms) => ({ keys: await readPublicKey(textOf(bytes), algorithms), ignored: [] }),
    };
  }
  if (jwks_file !== undefined) {
    return {
      key: "auth.jwks_file",
      path: jwks_file,
      read: async (bytes, algorithms) => await readJwks(textOf(bytes), algorithms),
    };
  }
  return null;
}

/**
 * Reads a key file once.
 *
 * @throws {KeyError} with a message that begins with the configuration key
 */
export async function readKeyFile(file: KeyFile, algorithms: readonly Algorithm[], log?: Log): Promise<KeySet> {
  try {
    const { keys, ignored } = await file.read(await readFile(file.path), algorithms);
    if (ignored.length > 0) log?.warn("keys.ignored", { source: file.key, ignored });
    return keys;
  } catch (error) {
    if (error instanceof KeyError) throw new KeyError(`${file.key}: ${file.path} ${error.message}`);
    throw error;
  }
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new KeyError(`can't be read (${error instanceof Error ? error.name : "unknown error"})`);
  }
}

function textOf(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw new KeyError("is not UTF-8 text");
  }
}

/**
 * Keys in a file. A key set is watched, so rotation needs no restart. A single key is read again on {@linkcode reload}.
 */
class FileKeys implements KeySource {
  keys: KeySet;
  readonly #file: KeyFile;
  readonly #algorithms: readonly Algorithm[];
  readonly #log: Log;
  readonly #watch: { close(): void } | null;

  static async open(file: KeyFile, algorithms: readonly Algorithm[], log: Log): Promise<FileKeys> {
    return new FileKeys(await readKeyFile(file, algorithms, log), file, algorithms, log);
  }

  private constructor(keys: KeySet, file: KeyFile, algorithms: readonly Algorithm[], log: Log) {
    this.keys = keys;
    this.#file = file;
    this.#algorithms = algorithms;
    this.#log = log;
    this.#watch = file.key === "auth.jwks_file" ? watchFile(file.path, () => this.#changed()) : null;
  }

  missed(): Promise<KeySet> {
    return Promise.resolve(this.keys);
  }

  async reload(): Promise<void> {
    this.keys = await readKeyFile(this.#file, this.#algorithms, this.#log);
  }

  close(): void {
    this.#watch?.close();
  }

  async #changed(): Promise<void> {
    try {
      await this.reload();
      this.#log.info("keys.reloaded", { source: this.#file.key, keys: this.keys.size });
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      this.#log.error("keys.rejected", { source: this.#file.key, error: error.message, instead: "the keys before" });
    }
  }
}
