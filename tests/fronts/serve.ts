/** `serve` with as many fronts as the first argument says, without a cluster: each front is a node by itself. */
import { serve } from "../../lib/cli/serve.ts";
import { parseCommandLine } from "../../lib/cli/args.ts";
import { processIo } from "../../lib/cli/run.ts";

const [fronts, ...words] = Deno.args;
Deno.exit(await serve(parseCommandLine(words), processIo(), Number(fronts)));
