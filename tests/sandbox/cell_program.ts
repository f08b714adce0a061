/** Stands in for the main module, in the role of a cell. */
import { runCell } from "../../lib/sandbox/cell/main.ts";

if (Deno.args[0] === "cell") await runCell();
