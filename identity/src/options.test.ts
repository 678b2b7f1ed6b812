/** Which options start, and how the rest are refused. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createShopContract } from "../testing/shop-contract.ts";
import { checkOptions, type IdentityOptions } from "./options.ts";

const good: IdentityOptions = {
  issuer: "https://auth.example",
  audience: "https://api.example",
  dataFolder: "./data",
};

const aContract = (issuer: string, audience = good.audience) => createShopContract({ issuer, audience });
const check = (change: object, environment?: string) => checkOptions({ ...good, ...change }, environment);

describe("identity options", () => {
  const issuers: { issuer: string; environment?: string; secure: boolean }[] = [
    { issuer: "https://auth.example", secure: true },
    { issuer: "https://auth.example:8443", secure: true },
    { issuer: "http://localhost:3000", secure: false },
    { issuer: "http://127.0.0.1:3000", secure: false },
    { issuer: "http://[::1]:3000", secure: false },
    { issuer: "http://localhost:3000", environment: "development", secure: false },
    { issuer: "http://localhost:3000", environment: "production", secure: true },
  ];
  for (const { issuer, environment, secure } of issuers) {
    it(`takes ${issuer}${environment === undefined ? "" : ` in ${environment}`}, ${secure ? "with" : "without"} Secure`, () => {
      assert.equal(check({ issuer }, environment).secureCookies, secure);
    });
  }

  const refused = [
    { name: "http elsewhere", change: { issuer: "http://auth.example" }, code: "issuer_invalid" },
    {
      name: "http on a look-alike",
      change: { issuer: "http://localhost.evil.example" },
      code: "issuer_invalid",
    },
    { name: "an issuer with a slash", change: { issuer: "https://auth.example/" }, code: "issuer_invalid" },
    { name: "an issuer with a path", change: { issuer: "https://auth.example/a" }, code: "issuer_invalid" },
    { name: "an issuer with a query", change: { issuer: "https://auth.example?a" }, code: "issuer_invalid" },
    {
      name: "an issuer with credentials",
      change: { issuer: "https://a@auth.example" },
      code: "issuer_invalid",
    },
    { name: "an issuer in capitals", change: { issuer: "https://AUTH.example" }, code: "issuer_invalid" },
    { name: "no issuer", change: { issuer: undefined }, code: "issuer_invalid" },
    { name: "an audience that is no URI", change: { audience: "orders" }, code: "option_invalid" },
    {
      name: "an audience with a fragment",
      change: { audience: "https://api.example#a" },
      code: "option_invalid",
    },
    { name: "an empty folder", change: { dataFolder: "" }, code: "option_invalid" },
    { name: "another database", change: { databaseUrl: "mysql://localhost/a" }, code: "option_invalid" },
    { name: "an unknown option", change: { dataFoldr: "x" }, code: "option_unknown" },
    { name: "an unknown limit", change: { limits: { signin: "1/1m" } }, code: "option_unknown" },
    {
      name: "a contract of another issuer",
      change: { contract: aContract("https://other.example") },
      code: "option_invalid",
    },
    {
      name: "a contract of another API",
      change: { contract: aContract(good.issuer, "https://other.example") },
      code: "option_invalid",
    },
  ];
  for (const { name, change, code } of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => check(change),
        (error: Error & { code?: string }) => {
          assert.ok(error instanceof TypeError);
          assert.equal(error.code, code);
          return true;
        },
      );
    });
  }

  it("takes the contract of the API that its tokens are for", () => {
    const contract = aContract(good.issuer);
    assert.equal(check({ contract }).contract, contract);
    assert.equal(check({}).contract, undefined);
  });

  it("does not repeat a database's password", () => {
    assert.throws(
      () => check({ databaseUrl: "mysql://root:hunter2@host/a" }),
      (error: Error) => {
        assert.ok(!error.message.includes("hunter2"));
        return true;
      },
    );
  });
});
