import { describe, expect, it } from "vitest";
import { printGrant, toGrants, toRate, toShare, toWeekdays } from "./option-values.ts";

describe("a grant on the command line", () => {
  it.each([
    ["vectors:*@team-*", [{ actions: ["vectors:*"], databases: ["team-*"] }]],
    [
      "read,write@shop/docs/acme",
      [
        {
          actions: ["read", "write"],
          databases: ["shop"],
          collections: ["docs"],
          tenants: ["acme"],
        },
      ],
    ],
    [
      "read@a,b/c",
      [
        { actions: ["read"], databases: ["a"] },
        { actions: ["read"], databases: ["b"], collections: ["c"] },
      ],
    ],
    ["*@a%2Fb%40c", [{ actions: ["*"], databases: ["a/b@c"] }]],
  ])("%s names actions and places", (text, grants) => {
    expect(toGrants(text)).toEqual(grants);
    expect(grants.flatMap((grant) => toGrants(printGrant(grant)))).toEqual(grants);
  });

  it("is printed whole when it has several places of each level", () => {
    const grant = { actions: ["read"], databases: ["a", "b"], collections: ["c/d", "e"] };
    expect(printGrant(grant)).toBe("read@a/c%2Fd,a/e,b/c%2Fd,b/e");
  });

  it.each([
    "read",
    "read@",
    "@a",
    "a@b@c",
    "read@a//b",
    "read@/a",
    "read@a/b/c/d",
    "read@a,",
    "r@%",
  ])("%s is refused", (text) => {
    expect(() => toGrants(text)).toThrow(/--grant/);
  });
});

it("a rate is a number above 0, also below 1", () => {
  expect([toRate("50"), toRate("0.5")]).toEqual([50, 0.5]);
  for (const text of ["0", "-1", "1e3", "", "many"]) expect(() => toRate(text)).toThrow(/above 0/);
});

it.each([
  ["0.95", 0.95],
  [".5", 0.5],
  ["0", 0],
  ["1", 1],
])("the share %s is read", (text, share) => {
  expect(toShare(text)).toBe(share);
});

it.each(["", "95", "95%", "-0.5", "1.1", "1e-1", "0,95", "0."])("%j is no share", (text) => {
  expect(() => toShare(text)).toThrow("Expected 0 to 1.");
});

it.each([
  ["mon-fri", "mon tue wed thu fri"],
  ["daily", "mon tue wed thu fri sat sun"],
  ["sun,Mon", "mon sun"],
  ["fri-mon", "mon fri sat sun"],
  ["wed", "wed"],
])("days are read as %s", (text, days) => {
  expect(toWeekdays(text).join(" ")).toBe(days);
});

it.each(["", "monday", "mon-", "mon-wed-fri", "1-5", "mon,,tue"])("no days: %j", (text) => {
  expect(() => toWeekdays(text)).toThrow("Expected days such as mon-fri");
});
