/** `[cluster]` of the configuration, with the contents of the files it names. */
export interface RedisSettings {
  /** Content of `url_file`, see `lib/cluster/redis/url.ts`. */
  readonly url: string;
  /** PEM texts for TLS: the authorities that sign the server's certificate, and the certificate of this client. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Password of the user in the URL, or of the default user. It replaces the password in the URL. */
  readonly password?: string | undefined;
  /** Signs control messages. All nodes have the same one. */
  readonly secret: Uint8Array;
  /** Beginning of all keys and channels. */
  readonly prefix: string;
}
