import assert from "node:assert/strict";
import { test } from "node:test";
import { addressKey } from "./address-key.ts";

const cases = [
  { address: "192.0.2.1", key: "192.0.2.1" },
  { address: "::ffff:192.0.2.1", key: "192.0.2.1" },
  { address: "::FFFF:192.0.2.1", key: "192.0.2.1" },
  { address: "2001:db8:1:2:3:4:5:6", key: "2001:db8:1:2::/64" },
  { address: "2001:db8:1:2::1", key: "2001:db8:1:2::/64" },
  { address: "2001:0DB8:0001:0002::", key: "2001:db8:1:2::/64" },
  { address: "2001:db8:1:3::1", key: "2001:db8:1:3::/64" },
  { address: "2001:db8::1", key: "2001:db8:0:0::/64" },
  { address: "::1", key: "0:0:0:0::/64" },
  { address: "fe80::1%eth0", key: "fe80:0:0:0::/64" },
  { address: "64:ff9b::192.0.2.1", key: "64:ff9b:0:0::/64" },
  { address: "", key: "" },
];

for (const { address, key } of cases) {
  test(`limits ${address || "an unknown address"} as ${key || "one caller"}`, () => {
    assert.equal(addressKey(address), key);
  });
}
