/** A module whose cell can be made to die. */
import type { Handlers } from "../../../lib/mod.ts";

export default (({ z }) => ({
  methods: {
    "mortal.live": { params: z.object({}), handle: () => "alive" },
    "mortal.die": {
      params: z.object({}),
      handle() {
        for (;;);
      },
    },
  },
})) satisfies Handlers;
