import { addressKey, AddressSet } from "../../lib/limits/address.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const KEYS: [string, string][] = [
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::ffff:c000:201", "192.0.2.1"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:DB8:0:0:ffff:ffff:ffff:ffff", "2001:db8:0:0::/64"],
  ["2001:db8:0:1::", "2001:db8:0:1::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["", ""],
  ["unix", "unix"],
];

for (const [ip, key] of KEYS) {
  Deno.test(`addressKey() makes ${JSON.stringify(key)} of ${JSON.stringify(ip)}`, () =>
    assertEquals(addressKey(ip), key));
}

Deno.test("AddressSet.has() knows blocks, single addresses and mapped ones", () => {
  const set = new AddressSet(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::ffff:198.51.100.1"]);
  for (const ip of ["10.255.255.255", "192.0.2.7", "::ffff:10.1.2.3", "2001:db8:ffff::1", "198.51.100.1"]) {
    assert(set.has(ip), ip);
  }
  for (const ip of ["11.0.0.0", "192.0.2.8", "2001:db9::1", "::a00:1", "", "nonsense"]) assert(!set.has(ip), ip);
});

Deno.test("AddressSet refuses what is neither an address nor a block", () => {
  for (const entry of ["10.0.0.0/33", "example.com", "", "2001:db8::/129"]) {
    assertThrows(() => new AddressSet([entry]), TypeError, "Cannot read");
  }
});
