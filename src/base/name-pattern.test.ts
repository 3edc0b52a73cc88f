import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isNamePattern, toNamePattern } from "./name-pattern.ts";

describe("a pattern over names", () => {
  it.each([
    ["team-*", "team-", true],
    ["team-*", "team-1/a", true],
    ["team-*", "tea", false],
    ["*-eu", "a-eu-eu", true],
    ["*-eu", "a-eu-us", false],
    ["a?c", "abc", true],
    ["a?c", "a𝒳c", true],
    ["a?c", "ac", false],
    ["a\\*c", "a*c", true],
    ["a\\*c", "abc", false],
    ["a\\", "a\\", true],
    ["", "", true],
    ["", "a", false],
    ["*", "", true],
    ["**a**", "bab", true],
    ["[ab]", "[ab]", true],
    ["[ab]", "a", false],
    ["a*b*c", "aXbXbXc", true],
    ["a*b*c", "aXcXb", false],
  ])("%s and the name %s: %s", (pattern, name, isMatching) => {
    expect(toNamePattern(pattern).matches(name)).toBe(isMatching);
  });

  it("knows what every match begins with", () => {
    expect(toNamePattern("a\\*b*c").prefix).toBe("a*b");
    expect(toNamePattern("plain").prefix).toBe("plain");
    expect(toNamePattern("?").prefix).toBe("");
  });

  it("agrees with a regular expression of the same meaning", () => {
    const letters = fc.constantFrom("a", "b", "*", "?");
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 8 }),
        fc.array(fc.constantFrom("a", "b"), { maxLength: 10 }),
        (pattern, name) => {
          const text = pattern.map((sign) => (sign === "*" ? ".*" : sign === "?" ? "." : sign));
          const wanted = new RegExp(`^${text.join("")}$`).test(name.join(""));
          expect(toNamePattern(pattern.join("")).matches(name.join(""))).toBe(wanted);
          if (wanted) expect(name.join("").startsWith(toNamePattern(pattern.join("")).prefix));
        },
      ),
    );
  });

  it("takes no time that grows with the stars", () => {
    const name = "a".repeat(500);
    expect(toNamePattern(`${"a*".repeat(200)}b`).matches(name)).toBe(false);
  });

  it("is told from a name by its signs", () => {
    expect([isNamePattern("a*"), isNamePattern("?"), isNamePattern("[a]")]).toEqual([
      true,
      true,
      false,
    ]);
  });
});
