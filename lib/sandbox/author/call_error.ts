/** The JSON-RPC error of a call in the test kit. */
export class CallError extends Error {
  /** Always `CallError`. */
  override readonly name = "CallError";
  /** `code`, `data` and `message` are those of the JSON-RPC error. */
  constructor(readonly code: number, readonly data: unknown, message = `The call failed with ${code}`) {
    super(message);
  }
}
