/** Points and bases come back as they were written, and no changed byte goes unseen. */
import { beforeEach, describe, expect, it } from "vitest";
import { SeededRandom } from "../io/index.ts";
import { decodeHead, decodePoint, encodePoint } from "./mirror-point.ts";
import type { PointBody } from "./point-body.ts";
import { mirrorSeal } from "./mirror-seal.ts";
import type { Piece } from "./mirror-state.ts";

const random = new SeededRandom(5);
const HEAD = { number: 12, atMs: 1_700_000_000_123, writer: "0a1b2c3d", isSealed: true };

function pieceOf(name: string): Piece {
  return { name, bytes: 4_000, sha256: new Uint8Array(random.bytes(32)) };
}

const SHARED = pieceOf("0000000012-0a1b2c3d-0000000000");
const BODY: PointBody = {
  files: [
    {
      path: "log/0000000001.log",
      isWhole: false,
      ranges: [
        { piece: SHARED, offset: 0, length: 1_000 },
        { piece: pieceOf("0000000012-0a1b2c3d-0000000001"), offset: 7, length: 2 ** 33 },
      ],
    },
    { path: "catalog/MANIFEST", isWhole: true, ranges: [{ piece: SHARED, offset: 9, length: 1 }] },
    { path: "log/empty", isWhole: true, ranges: [] },
  ],
  removed: ["tmp/a.seg", "pack/0000000001.pack"],
  freed: [{ point: 3, name: "0000000001-0a1b2c3d-0000000000" }],
};

describe.each([
  ["sealed", mirrorSeal(new Uint8Array(32).fill(3), random)],
  ["plain", mirrorSeal(undefined, random)],
])("a point that is %s", (what, seal) => {
  const key = "mirror/x/points/0000000012";
  let bytes: Buffer;

  beforeEach(async () => {
    bytes = await encodePoint(HEAD, BODY, { seal, purpose: "point 12" });
  });

  it("comes back as it was", async () => {
    expect(await decodeHead(key, bytes)).toEqual(HEAD);
    expect(await decodePoint(key, bytes, { seal, purpose: "point 12" })).toEqual({
      head: HEAD,
      body: BODY,
    });
    const none = { files: [], removed: [], freed: [] };
    const empty = await encodePoint(HEAD, none, { seal, purpose: "base 1" });
    expect(await decodePoint(key, empty, { seal, purpose: "base 1" })).toEqual({
      head: HEAD,
      body: none,
    });
  });

  it("is damaged when any byte is another one, or the end is missing, and says which", async () => {
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [1, 128]) {
        const bent = Uint8Array.from(bytes);
        bent[at] = (bent[at] ?? 0) ^ bit;
        const decoding = decodePoint(key, bent, { seal, purpose: "point 12" });
        // The version stands where an older program looks for it.
        const isVersion = at >= 4 && at < 8;
        await expect(decoding).rejects.toThrow(isVersion ? /format|damaged/ : key);
      }
      await expect(decodeHead(key, bytes.subarray(0, at))).rejects.toThrow(key);
    }
  });

  it("shows no path when it is sealed", () => {
    expect(bytes.includes("log/0000000001.log")).toBe(what === "plain");
  });
});

it("a sealed point opens with its own purpose and key alone", async () => {
  const seal = mirrorSeal(new Uint8Array(32).fill(3), random);
  const other = mirrorSeal(new Uint8Array(32).fill(4), random);
  const bytes = await encodePoint(HEAD, BODY, { seal, purpose: "point 12" });
  for (const opening of [
    { seal, purpose: "base 12" },
    { seal, purpose: "point 13" },
    { seal: other, purpose: "point 12" },
  ]) {
    await expect(decodePoint("k", bytes, opening)).rejects.toThrow("sealed with another key");
  }
});
