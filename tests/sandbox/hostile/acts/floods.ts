// deno-lint-ignore-file no-console -- a handler's console is under test
/** Every operation of a context, without end. */
import type { Act } from "../act.ts";

export const floods: readonly Act[] = [
  {
    name: "notifications without end",
    due: "contained",
    act({ ctx }) {
      for (;;) ctx.notify("x", { a: 1 });
    },
  },
  {
    name: "notifications of nearly a megabyte",
    due: "contained",
    act({ ctx }) {
      const text = "x".repeat(1_000_000);
      for (;;) ctx.notify("x", { text });
    },
  },
  {
    name: "frames without end",
    due: "contained",
    raw: true,
    act({ ctx }) {
      for (;;) ctx.send("x");
    },
  },
  {
    name: "frames of nearly a megabyte",
    due: "contained",
    raw: true,
    act({ ctx }) {
      const bytes = new Uint8Array(1_000_000);
      for (;;) ctx.send(bytes);
    },
  },
  {
    name: "messages to a topic with many subscribers",
    due: "contained",
    audience: 40,
    moments: ["call"],
    async act({ ctx }) {
      const text = "x".repeat(1000);
      for (let turn = 0; turn < 300; turn++) {
        for (let i = 0; i < 100; i++) ctx.publish("t", "x", { text });
        await new Promise((done) => setTimeout(done, 1));
      }
    },
  },
  {
    name: "questions for presence, at each turn",
    due: "contained",
    audience: 40,
    moments: ["call"],
    async act({ ctx }) {
      for (let turn = 0; turn < 30; turn++) {
        await Promise.all(Array.from({ length: 300 }, () => ctx.presence("t")));
      }
    },
  },
  {
    name: "subscriptions without end",
    due: "contained",
    act({ ctx }) {
      for (let i = 0;; i++) ctx.subscribe(`${"x".repeat(500)}${i}`);
    },
  },
  {
    name: "subscribing and unsubscribing without end",
    due: "contained",
    act({ ctx }) {
      for (;;) {
        ctx.subscribe("t");
        ctx.unsubscribe("t");
      }
    },
  },
  {
    name: "closing its connection without end",
    due: "contained",
    act({ ctx }) {
      for (;;) ctx.close("x".repeat(1000));
    },
  },
  {
    name: "log lines without end",
    due: "contained",
    act({ ctx }) {
      for (let i = 0; i < 1e6; i++) ctx.log("x".repeat(1000), { i });
    },
  },
  {
    name: "log lines of a megabyte",
    due: "contained",
    act({ ctx }) {
      const text = "x".repeat(1 << 20);
      for (let i = 0; i < 1e3; i++) ctx.log(text, { text, i });
    },
  },
  {
    name: "a console without end",
    due: "contained",
    act() {
      for (let i = 0; i < 1e5; i++) console.error("x", i, { i });
    },
  },
  {
    name: "errors at each message",
    due: "contained",
    moments: ["call"],
    async act({ ctx }) {
      for (let i = 0; i < 1000; i++) {
        void Promise.resolve().then(() => ctx.log("x")).finally(() => i);
        await null;
      }
      throw new Error("x".repeat(1 << 20));
    },
  },
];
