import { createDecipheriv } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deriveKey, openBytes, openWhole, sealBytes, sealWhole, SEAL_BYTES } from "./cipher.ts";

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const seal = fc.record({
  key: bytes(32),
  nonce: bytes(12),
  context: fc.uint8Array({ maxLength: 40 }),
});
const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 });

describe("a seal", () => {
  it("opens to the bytes that went in, however they were cut", () => {
    fc.assert(
      fc.property(seal, parts, (how, pieces) => {
        const { sealed, tag } = sealBytes(how, pieces);
        expect(openBytes(how, sealed, tag)).toEqual(Buffer.concat(pieces));
        const whole = sealWhole(how, pieces);
        expect(whole.length).toBe(SEAL_BYTES + Buffer.concat(pieces).length);
        expect(openWhole(how, whole)).toEqual(Buffer.concat(pieces));
      }),
    );
  });

  it("opens with nothing changed and nothing else", () => {
    fc.assert(
      fc.property(seal, parts, fc.nat(), fc.integer({ min: 0, max: 7 }), (how, pieces, at, bit) => {
        const whole = sealWhole(how, pieces);
        const damaged = Buffer.from(whole);
        const place = at % damaged.length;
        damaged[place] = (damaged[place] ?? 0) ^ (1 << bit);
        expect(openWhole(how, damaged)).toBeUndefined();
        expect(openWhole(how, whole.subarray(0, -1))).toBeUndefined();
        expect(openWhole({ ...how, key: how.key.map((b) => b ^ 1) }, whole)).toBeUndefined();
        const context = Buffer.concat([how.context, Buffer.from("x")]);
        expect(openWhole({ ...how, context }, whole)).toBeUndefined();
      }),
    );
  });

  it("refuses a tag that was cut short, which the cipher alone would take", () => {
    const how = { key: Buffer.alloc(32, 1), nonce: Buffer.alloc(12, 2), context: Buffer.alloc(0) };
    const { sealed, tag } = sealBytes(how, [Buffer.from("words")]);
    expect(openBytes(how, sealed, tag.subarray(0, 4))).toBeUndefined();
    expect(() => {
      createDecipheriv("aes-256-gcm", how.key, how.nonce).setAuthTag(tag.subarray(0, 4));
    }).not.toThrow();
  });

  it("is that of NIST: test case 14 of the GCM specification", () => {
    const how = { key: Buffer.alloc(32), nonce: Buffer.alloc(12), context: Buffer.alloc(0) };
    const { sealed, tag } = sealBytes(how, [Buffer.alloc(16)]);
    expect(sealed.toString("hex")).toBe("cea7403d4d606b6e074ec5d3baf39d18");
    expect(tag.toString("hex")).toBe("d0d1c8a799996bf0265b98b5d48ab919");
  });
});

describe("a derived key", () => {
  it("differs by key, purpose and part, and is the same again", () => {
    const key = Buffer.alloc(32, 1);
    const all = [
      deriveKey(key, "a"),
      deriveKey(key, "b"),
      deriveKey(Buffer.alloc(32, 2), "a"),
      deriveKey(key, "a", Buffer.from("x")),
      deriveKey(key, "ax"),
    ].map((derived) => derived.toString("hex"));
    expect(new Set(all).size).toBe(all.length);
    expect(deriveKey(key, "a")).toEqual(deriveKey(key, "a"));
  });
});
