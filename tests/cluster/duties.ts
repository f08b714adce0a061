/** The duties of a node under test: what the cluster asks of it is recorded. */
import type { NodeDescription, NodeDuties, NodeRequest, Notice } from "../../lib/cluster/cluster.ts";

const decoder = new TextDecoder();

/** A node that records what it is told. */
export class RecordedDuties implements NodeDuties {
  /** `MODULE TOPIC TEXT` of each message, in order. */
  readonly messages: string[] = [];
  readonly learned: Notice[] = [];
  readonly own: Notice[] = [];
  readonly requests: NodeRequest[] = [];
  /** Answers requests; may be replaced. */
  reply: (request: NodeRequest) => unknown = ({ params }) => ({ echo: params ?? null });
  description: NodeDescription = { name: "test", connections: 0, fingerprint: "same" };

  readonly deliver = (module: string, topic: string, text: Uint8Array): void => {
    this.messages.push(`${module} ${topic} ${decoder.decode(text)}`);
  };
  readonly learn = (notice: Notice): void => {
    this.learned.push(notice);
  };
  readonly held = (): Iterable<Notice> => this.own;
  readonly answer = (request: NodeRequest): unknown => {
    this.requests.push(request);
    return this.reply(request);
  };
  readonly describe = (): NodeDescription => this.description;
}
