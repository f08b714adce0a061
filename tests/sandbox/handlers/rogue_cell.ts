/** A cell whose runtime is not ours: does as it is told by what it is asked, to see what the main isolate makes of it. */
import { workerData } from "node:worker_threads";
import { ToCell, ToMain } from "../../../lib/sandbox/wire.ts";

const { port } = workerData as { port: MessagePort };
let done = 0;

port.onmessage = ({ data }: MessageEvent<unknown>) => {
  if (!Array.isArray(data)) {
    const any = { schema: {} };
    const method = { name: "say", shape: "object", handle: "function", params: any, unknown: [], misfits: [] };
    port.postMessage({
      loaded: true,
      contract: { kind: "rpc", hooks: { open: "undefined", close: "undefined" }, methods: [method] },
    });
    return;
  }
  const sizes: Record<number, number> = {
    [ToCell.Open]: 5,
    [ToCell.Call]: 5,
    [ToCell.Message]: 4,
    [ToCell.Identity]: 3,
    [ToCell.Close]: 4,
    [ToCell.Cancel]: 3,
    [ToCell.Presence]: 4,
    [ToCell.Ping]: 1,
  };
  for (let at = 0; at < data.length; at += sizes[data[at] as number]!) {
    done++;
    if (data[at] !== ToCell.Call) continue;
    // The parameters are what to post, with the call's own number for "CALL".
    const { params } = JSON.parse(data[at + 4] as string) as { params: { post: unknown[]; times?: number } };
    const post = params.post.map((part) => part === "CALL" ? data[at + 2] : part);
    for (let i = 0; i < (params.times ?? 1); i++) port.postMessage(post);
  }
  port.postMessage([ToMain.Done, done, 0]);
};
port.postMessage({ up: true });
