import { expect, it } from "vitest";
import { KEY_KINDS, KIND } from "./catalog-keys.ts";

it("no two kinds of rows begin alike, each with one character", () => {
  for (const [kind, character] of Object.entries(KIND)) {
    expect(character).toHaveLength(1);
    expect(KEY_KINDS.get(character)).toBe(kind);
  }
});
