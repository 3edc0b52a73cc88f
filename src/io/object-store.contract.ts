/** What every object store does; run by the test file of each body. */
import { describe, expect, it } from "vitest";
import type { ObjectStore } from "./object-store.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (body: Uint8Array | undefined): string | undefined =>
  body === undefined ? undefined : new TextDecoder().decode(body);

/**
 * @param make an empty store; called once per test.
 * @param abilities `hasDotSegments` is false where a key's part may not be "." or "..".
 */
export function describeObjectStore(
  name: string,
  make: () => Promise<ObjectStore>,
  { hasDotSegments = true }: { readonly hasDotSegments?: boolean } = {},
): void {
  describe(`${name} as an object store`, () => {
    it("gives back an object, a range of it and its length", async () => {
      const store = await make();
      await store.put("a/b", bytes("0123456789"));
      expect(text(await store.get("a/b"))).toBe("0123456789");
      expect(text(await store.get("a/b", { start: 3, length: 4 }))).toBe("3456");
      expect(text(await store.get("a/b", { start: 8, length: 9 }))).toBe("89");
      expect(text(await store.get("a/b", { start: 20, length: 9 }))).toBe("");
      expect(await store.head("a/b")).toBe(10);
    });

    it("answers undefined for what is not there, and deletes it without harm", async () => {
      const store = await make();
      expect(await store.get("none")).toBeUndefined();
      expect(await store.get("none", { start: 0, length: 1 })).toBeUndefined();
      expect(await store.head("none/none")).toBeUndefined();
      await store.delete("none");
      await store.put("a", bytes("1"));
      await store.delete("a");
      expect(await store.get("a")).toBeUndefined();
    });

    it("replaces with put, and creates only once with putIfAbsent", async () => {
      const store = await make();
      const tries = await Promise.all(["1", "2", "3"].map((n) => store.putIfAbsent("k", bytes(n))));
      expect(tries.filter(Boolean)).toHaveLength(1);
      expect(text(await store.get("k"))).toBe(String(tries.indexOf(true) + 1));
      await store.put("k", bytes("4"));
      expect(await store.putIfAbsent("k", bytes("5"))).toBe(false);
      expect(text(await store.get("k"))).toBe("4");
      await store.delete("k");
      expect(await store.putIfAbsent("k", bytes("6"))).toBe(true);
    });

    it("lists keys with a prefix in byte order, page by page", async () => {
      const store = await make();
      const keys = [
        "a",
        "a/",
        "a/b/c",
        "a/b",
        "a.b",
        "a~",
        "b",
        "a/é",
        "a/z",
        "a/\u{1F600}",
        ...(hasDotSegments ? ["../x"] : []),
        "A/%41",
        "A b+c/!'()*&<>",
      ];
      for (const key of keys) await store.put(key, bytes(key));
      const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await store.list("", { limit: 100 })).toEqual(sorted);
      for (const prefix of ["a", "a/", "a/b", "x", ...(hasDotSegments ? ["../"] : [])]) {
        const expected = sorted.filter((key) => key.startsWith(prefix));
        expect(await store.list(prefix, { limit: 100 })).toEqual(expected);
      }
      const below = sorted.filter((key) => key.startsWith("a/"));
      expect(await store.list("a/", { limit: 2 })).toEqual(below.slice(0, 2));
      const next = below.slice(2, 4);
      expect(await store.list("a/", { after: below[1] ?? "", limit: 2 })).toEqual(next);
      for (const key of keys) expect(text(await store.get(key))).toBe(key);
    });

    it("keeps what was put when the caller changes its bytes", async () => {
      const store = await make();
      for (const body of [bytes("kept"), Buffer.from("kept")]) {
        await store.put("a", body);
        body.fill(0);
        expect(text(await store.get("a"))).toBe("kept");
      }
    });
  });
}
