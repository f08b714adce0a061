import type { Promised } from "./mutant.ts";

const WRITES = "ARCHITECTURE.md: A write of the store that returned survives SIGKILL";
const DISK = 'docs/operations.md: With `[store] kind = "sqlite"` it is on the disk before the answer';

export const store: readonly Promised[] = [
  {
    promise: WRITES,
    file: "lib/store/sqlite.ts",
    by: "tests/store/kill_test.ts",
    edits: [["new DatabaseSync(path)", 'new DatabaseSync(":memory:")']],
  },
  {
    promise: DISK,
    file: "lib/store/sqlite.ts",
    by: "tests/store/sqlite_test.ts",
    edits: [
      ["mode: 0o600", "mode: 0o644", "only their owner"],
      ["if (version > SCHEMA_VERSION) {", "if (false) {", "of a later version"],
      [
        'if (this.#db.isTransaction) this.#db.exec("ROLLBACK");',
        'if (this.#db.isTransaction) this.#db.exec("COMMIT");',
        "all changes or none",
      ],
      [
        "return Deno.statSync(this.#path).ino === this.#inode;",
        "Deno.statSync(this.#path);\n      return true;",
        "removed or replaced",
      ],
      [
        "DELETE FROM record WHERE space = ? AND key = ? RETURNING value, expires_at",
        "SELECT value, expires_at FROM record WHERE space = ? AND key = ?",
        "exactly one",
      ],
      ["const KEPT_AFTER_END_MS = 7 * 86_400_000;", "const KEPT_AFTER_END_MS = 0;", "a clock set forward"],
      ["WHERE record.expires_at <= ?`", "WHERE record.expires_at <= ? OR 1`", "exactly one"],
    ],
  },
  {
    promise: DISK,
    file: "lib/store/sqlite.ts",
    by: "tests/store/store_test.ts",
    edits: [
      ["(row.expires_at as number) > this.#now() ? decode", "true ? decode", "(sqlite)"],
      [
        'const plain = !text.startsWith("\\\\") && !text.includes("\\0") && text.isWellFormed();',
        'const plain = !text.startsWith("\\\\") && text.isWellFormed();',
        "keeps keys and values apart",
      ],
      ['!text.includes("\\0") && text.isWellFormed();', '!text.includes("\\0");', "keeps keys and values apart"],
    ],
  },
  {
    promise: "ARCHITECTURE.md: A write of the store that returned survives SIGKILL",
    file: "lib/store/memory.ts",
    by: "tests/store/store_test.ts",
    edits: [
      ["if (this.#live(space, key)) return false;", "", "(memory) add()"],
      ["this.#spaces.get(space)?.delete(key);", "", "(memory) take()"],
      ["entry && entry.expiresAt > this.#now() ? entry : undefined", "entry", "(memory)"],
      ["if (expiresAt > now) live.push", "live.push", "(memory)"],
      ["if (++this.#writes % WRITES_BETWEEN_PURGES === 0) this.purge();", "", "MemoryStore"],
    ],
  },
  {
    promise: "docs/operations.md: the `store` reaches its file",
    file: "lib/store/guarded.ts",
    by: "tests/store/guarded_test.ts",
    edits: [
      ["if (text === this.#lastError) return;", "", "repeats no line"],
      ["if (since >= RETRY_MS || since < 0) this.#connect();", "this.#connect();", "no sooner than five seconds"],
      [
        "if (since >= RETRY_MS || since < 0) this.#connect();",
        "if (since >= RETRY_MS) this.#connect();",
        "a clock that was set back",
      ],
      ["      this.#remember({ space, key });\n", "", "makes up for"],
      ["      file.apply(this.#missed());\n", "", "catches up once it is there"],
      ["if (this.#file && !this.#file.present()) this.#failed(", "if (false) this.#failed(", "file was removed"],
      [
        "    this.#mirror.set(space, key, value, expiresAt);\n    this.#removed.delete(id(space, key));\n    this.#try",
        "    this.#removed.delete(id(space, key));\n    this.#try",
      ],
      ["if (this.#file === null && !this.#closed) {", "if (this.#file === null) {", "after close()"],
      ['this.#deps.log.info("store.recovered", { path: this.#path });', "", "catches up once it is there"],
      [
        'this.#deps.log.error("store.failed", { path: this.#path, error: text, instead: "memory" });',
        "",
        "without its folder",
      ],
    ],
  },
  {
    promise: "docs/operations.md: the `store` reaches its file",
    file: "lib/store/sqlite.ts",
    by: "tests/store/guarded_test.ts",
    edits: [["this.#purge.run(now - KEPT_AFTER_END_MS, now);", "void now;", "removes from its file"]],
  },
];
