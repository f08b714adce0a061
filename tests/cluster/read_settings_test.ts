import { readSettings } from "../../lib/cluster/redis/read_settings.ts";
import { ConfigFolder } from "../helpers/config_folder.ts";
import { assertEquals } from "../assert.ts";

const KEYS = 'url_file = "redis.url"\nsecret_file = "cluster.secret"\n';

Deno.test("readSettings() reads what the files contain, without the newline at the end", () => {
  using fixture = new ConfigFolder();
  const write = (name: string, text: string) => Deno.writeTextFileSync(`${fixture.dir}/${name}`, text);
  write("redis.url", " rediss://a.internal:6379 \n");
  write("cluster.secret", "the secret\n");
  write("admin.token", " pass word \r\n");
  write("ca.crt", "authorities\n");
  const settings = (keys: string) => readSettings(fixture.load({ cluster: KEYS + keys }).cluster!);
  const { secret, ...rest } = settings('password_file = "admin.token"\nca_file = "ca.crt"\nprefix = "p"');
  assertEquals(new TextDecoder().decode(secret), "the secret");
  assertEquals(rest, {
    url: "rediss://a.internal:6379",
    ca: "authorities\n",
    cert: undefined,
    key: undefined,
    password: " pass word ",
    prefix: "p",
  });
  write("cluster.secret", "no newline");
  assertEquals(new TextDecoder().decode(settings("").secret), "no newline");
});
