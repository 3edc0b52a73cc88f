import { describe, expect, test } from "vitest";
import type { ActionTarget, Grant, Principal } from "./access-control.ts";
import { boundTenant, checkGrants, coversTarget, coversWithin } from "./grant.ts";
import { GRANTS_MAX, PATTERN_CHARS_MAX, PATTERNS_MAX } from "./limits.ts";

const READ = "records:Search";
const WRITE = "records:Upsert";

function grant(place: string, actions: readonly string[] = ["*"]): Grant {
  const [database = "", collection, tenant] = place.split("/");
  return {
    actions,
    databases: [database],
    ...(collection === undefined ? {} : { collections: [collection] }),
    ...(tenant === undefined ? {} : { tenants: [tenant] }),
  };
}

function target(place: string): ActionTarget {
  const [database = "", collection, tenant] = place.split("/");
  return {
    ...(database === "" ? {} : { database }),
    ...(collection === undefined ? {} : { collection }),
    ...(tenant === undefined ? {} : { tenant }),
  };
}

describe("places", () => {
  test.each([
    // On a database: it and everything in it.
    ["shop", "shop", true],
    ["shop", "shop/docs", true],
    ["shop", "shop/docs/acme", true],
    ["shop", "shops", false],
    ["shop", "", false],
    ["acme-*", "acme-1/docs", true],
    ["acme-*", "acme", false],
    ["*", "", true],
    ["*", "a/b/c", true],
    // On collections: not what is above them.
    ["shop/docs", "shop/docs", true],
    ["shop/docs", "shop/docs/acme", true],
    ["shop/docs", "shop/docs2", false],
    ["shop/docs", "shop", false],
    ["shop/*", "shop", false],
    ["shop/*", "shop/docs", true],
    ["*/*", "", false],
    ["*/acme-*", "any/acme-7", true],
    ["*/acme-*", "any/other", false],
    // On tenants.
    ["shop/docs/acme", "shop/docs/acme", true],
    ["shop/docs/acme", "shop/docs/acme2", false],
    ["shop/docs/acme", "shop/docs", false],
    ["shop/docs/acme-*", "shop/docs/acme-1", true],
    ["shop/docs/*", "shop/docs", false],
    ["shop/docs/*", "shop/docs/any", true],
  ])("a grant on %j reaches %j: %s", (granted, asked, isCovered) => {
    expect(coversTarget(grant(granted), READ, target(asked))).toBe(isCovered);
  });

  test("a first look asks whether anything within is allowed", () => {
    expect(coversWithin(grant("shop/docs"), READ, target("shop"))).toBe(true);
    expect(coversWithin(grant("shop/docs/acme"), READ, target("shop/docs"))).toBe(true);
    expect(coversWithin(grant("shop/docs"), READ, target("other"))).toBe(false);
    expect(coversWithin(grant("shop/docs"), READ, target("shop/other"))).toBe(false);
    expect(coversWithin(grant("shop/docs", ["write"]), READ, target("shop"))).toBe(false);
  });
});

describe("actions", () => {
  test.each([
    ["read", READ, true],
    ["read", WRITE, false],
    ["write", WRITE, true],
    ["write", READ, false],
    ["write", "admin:DeleteCollection", false],
    ["admin", "admin:DeleteCollection", true],
    ["admin", READ, false],
    ["read", "vectors:QueryVectors", true],
    ["write", "vectors:PutVectors", true],
    ["admin", "vectors:CreateIndex", true],
    ["admin", "vectors:PutVectorIndex", true],
    ["read", "admin:CreateKey", false],
    ["read", "unheard:Of", false],
    ["unheard:*", "unheard:Of", true],
    ["vectors:Query*", "vectors:QueryVectors", true],
  ])("%s gives %s: %s", (granted, action, isCovered) => {
    expect(coversTarget(grant("*", [granted]), action, {})).toBe(isCovered);
  });

  test("hold on the places of their own grant only", () => {
    const grants = [grant("a", ["read"]), grant("b", ["write"])];
    const may = (action: string, place: string): boolean =>
      grants.some((one) => coversTarget(one, action, target(place)));
    expect(may(READ, "a/x")).toBe(true);
    expect(may(WRITE, "b/x")).toBe(true);
    expect(may(WRITE, "a/x")).toBe(false);
    expect(may(READ, "b/x")).toBe(false);
  });
});

describe("the tenant a key is bound to", () => {
  const bound = (...places: string[]): string | undefined => {
    const principal: Principal = {
      kind: "key",
      keyId: "K",
      accountId: "1",
      grants: places.map((place) => grant(place)),
    };
    return boundTenant(principal, { database: "shop", collection: "docs" });
  };

  test("is the only one its grants on the collection name", () => {
    expect(bound("shop/docs/acme")).toBe("acme");
    expect(bound("shop/*/acme")).toBe("acme");
    expect(bound("shop/docs/acme", "shop/docs/acme")).toBe("acme");
    expect(bound("shop/docs/acme", "other/docs/zeta")).toBe("acme");
  });

  test("is none where more than one may be meant", () => {
    expect(bound("shop/docs/acme", "shop/docs/zeta")).toBeUndefined();
    expect(bound("shop/docs/acme-*")).toBeUndefined();
    expect(bound("shop/docs/acme", "shop/docs")).toBeUndefined();
    expect(bound("shop")).toBeUndefined();
    expect(bound("other/docs/acme")).toBeUndefined();
    expect(bound()).toBeUndefined();
  });
});

describe("grants are refused", () => {
  const many = (count: number): string[] => Array.from({ length: count }, () => "*");
  test.each<readonly [string, Grant[]]>([
    ["when there are none", []],
    ["above their bound", many(GRANTS_MAX + 1).map((name) => grant(name))],
    ["with tenants of no collection", [{ actions: ["*"], databases: ["*"], tenants: ["t"] }]],
    ["with no collection", [{ actions: ["*"], databases: ["*"], collections: [] }]],
    ["with an empty tenant", [grant("a/b/")]],
    ["with an unknown word", [grant("a", ["delete"])]],
    ["with a word in capitals", [grant("a", ["Read"])]],
    ["with too many patterns", [{ actions: ["*"], databases: many(PATTERNS_MAX + 1) }]],
    ["with a pattern too long", [grant("x".repeat(PATTERN_CHARS_MAX + 1))]],
  ])("%s", (_, grants) => {
    expect(() => checkGrants(grants)).toThrow(
      expect.objectContaining({ code: "argument_invalid" }),
    );
  });

  test("and nothing but their own members is kept", () => {
    const given = { ...grant("a/b/c", ["read"]), secret: "x" };
    expect(checkGrants([given])).toEqual([grant("a/b/c", ["read"])]);
  });
});
