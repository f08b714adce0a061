import { PrivateFolder } from "../../../lib/sandbox/supervisor/private_folder.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("the folder is this user's alone, is emptied between fronts, and is gone at the end", async () => {
  const parent = await Deno.makeTempDir();
  try {
    const folder = new PrivateFolder((name) => name === "TMPDIR" ? parent : undefined);
    const [first, second] = [folder.nextSocket(), folder.nextSocket()];
    assert(first !== second, "no path is used twice");
    assertEquals(Deno.statSync(folder.path).mode! & 0o777, 0o700);
    Deno.writeTextFileSync(first, "");
    folder.clear();
    assertEquals([...Deno.readDirSync(folder.path)], []);
    folder.remove();
    assert(!exists(folder.path));
    folder.remove();
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("the end of a front leaves the sockets of the others", async () => {
  const parent = await Deno.makeTempDir();
  try {
    const folder = new PrivateFolder((name) => name === "TMPDIR" ? parent : undefined);
    const ofFront = (front: number) => [folder.nextSocket(front), folder.opsSocket(front)];
    const [first, second, other] = [ofFront(0), ofFront(1), ofFront(10)];
    for (const path of [...first, ...second, ...other]) Deno.writeTextFileSync(path, "");
    folder.clear(1);
    assertEquals([first, second, other].map((paths) => paths.map(exists)), [[true, true], [false, false], [
      true,
      true,
    ]]);
    folder.remove();
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("a folder whose sockets would have too long a path is refused with the remedy, and leaves nothing", async () => {
  const parent = await Deno.makeTempDir();
  try {
    const long = `${parent}/${"x".repeat(100)}`;
    await Deno.mkdir(long);
    const folder = new PrivateFolder((name) => name === "TMPDIR" ? long : undefined);
    assertThrows(() => folder.nextSocket(), Error, "TMPDIR");
    assertEquals([...Deno.readDirSync(long)], []);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("a folder that something has removed is made again for the next front", async () => {
  const parent = await Deno.makeTempDir();
  try {
    const folder = new PrivateFolder((name) => name === "TMPDIR" ? parent : undefined);
    Deno.removeSync(folder.path);
    folder.clear();
    assertEquals(Deno.statSync(folder.path).mode! & 0o777, 0o700);
    folder.remove();
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});
