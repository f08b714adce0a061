// Made by `sallyport contract --format types`.

/** The contract of each module by its subprotocol. */
export interface Contracts {
  "chat.v1": {
    methods: {
      /** Sends a message to a room */
      "chat.send": {
        params: {
          room: string;
          text: string;
        };
        result: {
          ok: true;
        };
      };
      /** Returns the text of a message as HTML */
      "chat.preview": {
        params: {
          text: string;
        };
        result: {
          html: string;
        };
      };
    };
    topics: {
      [topic: `room:${string}`]: {
        message: {
          from: string;
          text: string;
        };
      };
    };
  };
}

export type Contract<Subprotocol extends keyof Contracts = "chat.v1"> = Contracts[Subprotocol];
