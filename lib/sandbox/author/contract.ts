/** What a handler module offers, as the front keeps it: names, shapes and who may call. */

/** A JSON Schema (draft 7, as OpenRPC 1.3 wants it) made by `z.toJSONSchema`. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** One method of a module. */
export interface MethodContract {
  readonly name: string;
  /** A caller needs one of these. Absent: see `public`. */
  readonly roles?: readonly string[];
  /** True: any admitted session may call it, whatever its roles. */
  readonly public?: boolean;
  /** Tokens one call takes from the limits; 1 unless the module says more. */
  readonly cost: number;
  readonly params: JsonSchema;
  readonly result?: JsonSchema;
  readonly description?: string;
  /** Parameters that show how the method is called. */
  readonly examples?: readonly unknown[];
}

/** What one module offers. A `raw` module has no methods. */
export interface Contract {
  readonly kind: "rpc" | "raw";
  /** True when binary frames are taken; never for `rpc`. */
  readonly binary: boolean;
  readonly methods: ReadonlyMap<string, MethodContract>;
}
