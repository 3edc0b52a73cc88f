import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32 } from "../base/crc32.ts";
import { Pace } from "../base/pace.ts";
import { readEach } from "../io/index.ts";
import { SegmentBuilder } from "./segment-builder.ts";
import type { SegmentIdentity } from "./segment-format.ts";
import { SegmentReader, type SegmentSource } from "./segment-reader.ts";
import { verifySegment } from "./segment-verify.ts";

const PLAIN = { segment: new Uint8Array(16).fill(7), shard: new Uint8Array(16).fill(9) };
const SEALED = { ...PLAIN, key: new Uint8Array(32).fill(5) };

interface Part {
  readonly name: string;
  readonly pieces: readonly Uint8Array[];
  readonly chunkBytes: number;
  readonly alignBytes: number;
}

async function buildAs(
  identity: SegmentIdentity,
  parts: readonly Part[],
  stats: Uint8Array = new Uint8Array(0),
): Promise<Uint8Array> {
  const written: Uint8Array[] = [];
  const sink = {
    write: (bytes: Uint8Array) => Promise.resolve(void written.push(Uint8Array.from(bytes))),
  };
  const builder = new SegmentBuilder(sink, identity);
  for (const { name, pieces, chunkBytes, alignBytes } of parts) {
    builder.beginSection(1, name, { chunkBytes, alignBytes });
    for (const piece of pieces) await builder.append(piece);
    await builder.endSection();
  }
  builder.setStats(stats);
  const { bytes } = await builder.finish();
  const segment = Uint8Array.from(Buffer.concat(written));
  expect(segment.length).toBe(bytes);
  return segment;
}

function sourceOf(bytes: Uint8Array, reads: number[] = []): SegmentSource {
  return {
    length: bytes.length,
    read: (position, target) => {
      const part = bytes.subarray(position, position + target.length);
      target.set(part);
      reads.push(target.length);
      return Promise.resolve(part.length);
    },
  };
}

/** As {@link sourceOf}, of a source that reads many pieces at once. */
function manySourceOf(bytes: Uint8Array, batches: number[][]): SegmentSource {
  const source = sourceOf(bytes);
  return {
    ...source,
    readMany: (pieces) => {
      batches.push(pieces.map(({ target }) => target.length));
      return readEach((position, target) => source.read(position, target), pieces);
    },
  };
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff);
}

async function readAs(
  identity: SegmentIdentity,
  bytes: Uint8Array,
): Promise<readonly Uint8Array[]> {
  const reader = await SegmentReader.open(sourceOf(bytes), identity);
  const contents: Uint8Array[] = [];
  for (const { type, name } of reader.sections()) {
    const section = reader.section(type, name);
    if (section !== undefined) contents.push(await section.read(0, section.length));
  }
  return [...contents, reader.stats];
}

const someParts = fc.uniqueArray(
  fc.record({
    name: fc.string({ maxLength: 6 }),
    pieces: fc.array(fc.uint8Array({ maxLength: 90 }), { maxLength: 6 }),
    chunkBytes: fc.integer({ min: 1, max: 64 }),
    alignBytes: fc.constantFrom(1, 8, 64),
  }),
  { selector: ({ name }) => name, maxLength: 4 },
);

describe.each([
  ["plain", PLAIN],
  ["sealed", SEALED],
] as const)("a %s segment", (_, identity: SegmentIdentity) => {
  const build = (parts: readonly Part[], stats?: Uint8Array): Promise<Uint8Array> =>
    buildAs(identity, parts, stats);
  const readAll = (bytes: Uint8Array): Promise<readonly Uint8Array[]> => readAs(identity, bytes);

  test("every range of every section comes back, however it was cut when it was written", async () => {
    await fc.assert(
      fc.asyncProperty(someParts, fc.nat(), fc.nat(), async (parts, a, b) => {
        const reader = await SegmentReader.open(sourceOf(await build(parts)), identity);
        for (const { name, pieces } of parts) {
          const plain = Buffer.concat(pieces);
          const section = reader.section(1, name);
          expect(section?.length).toBe(plain.length);
          const start = a % (plain.length + 1);
          const length = b % (plain.length - start + 1);
          const range = Uint8Array.from(plain.subarray(start, start + length));
          expect(Uint8Array.from((await section?.read(start, length)) ?? [])).toEqual(range);
          const target = new Uint8Array(new SharedArrayBuffer(length));
          await section?.readInto(start, target);
          expect(Uint8Array.from(target)).toEqual(range);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("a long range that begins and ends inside of chunks is read where it belongs", async () => {
    const plain = pattern(3_000_000, 3);
    const part = { name: "v", pieces: [plain], chunkBytes: 3_072, alignBytes: 64 };
    const bytes = await build([part]);
    for (const [start, end] of [
      [0, 2_000_000],
      [3_072, 2_000_000],
      [5_000, 3_072 * 700],
      [5_000, 2_000_000],
      [1_000_001, plain.length],
    ] as const) {
      const reads: number[] = [];
      const reader = await SegmentReader.open(sourceOf(bytes, reads), identity);
      const target = new Uint8Array(end - start);
      reads.length = 0;
      await reader.section(1, "v")?.readInto(start, target);
      expect(Buffer.compare(target, plain.subarray(start, end))).toBe(0);
      // Its chunks and their checksums, and nothing twice.
      const read = reads.reduce((sum, length) => sum + length, 0);
      expect(read).toBeLessThan(target.length + 2 * 3_072 + (3_000_000 / 3_072 + 1) * 20);
    }
  });

  test("pieces come back in the order asked for, wherever they lie", async () => {
    await fc.assert(
      fc.asyncProperty(
        someParts,
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.nat(),
        async (parts, places, size) => {
          const bytes = await build(parts);
          for (const source of [sourceOf(bytes), manySourceOf(bytes, [])]) {
            const reader = await SegmentReader.open(source, identity);
            for (const { name, pieces } of parts) {
              const plain = Buffer.concat(pieces);
              const length = size % (plain.length + 1);
              const starts = places.map((place) => place % (plain.length - length + 1));
              const wanted = starts.map((start) => plain.subarray(start, start + length));
              const read = await reader.section(1, name)?.readPieces(starts, length);
              expect(read).toEqual(Uint8Array.from(Buffer.concat(wanted)));
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("chunks under several pieces are read once, all at the same time", async () => {
    const big = { name: "big", pieces: [pattern(10_000, 1)], chunkBytes: 1_024, alignBytes: 64 };
    const batches: number[][] = [];
    const reader = await SegmentReader.open(manySourceOf(await build([big]), batches), identity);
    const read = await reader
      .section(1, "big")
      ?.readPieces([9_990, 2_040, 2_050, 4_000, 9_216], 10);
    expect(read?.length).toBe(50);
    expect(batches).toEqual([[1_024, 1_024, 1_024, 784]]);
  });

  test("what was opened is not left behind, also when the search is given up or a bit is wrong", async () => {
    const big = { name: "big", pieces: [pattern(400_000, 1)], chunkBytes: 4_096, alignBytes: 64 };
    const bytes = await build([big]);
    const targets: Uint8Array[] = [];
    const source = sourceOf(bytes);
    const kept: SegmentSource = {
      ...source,
      readMany: (pieces) => {
        targets.push(...pieces.map(({ target }) => target));
        return readEach((position, target) => source.read(position, target), pieces);
      },
    };
    const section = (await SegmentReader.open(kept, identity)).section(1, "big");
    const starts = Array.from({ length: 90 }, (_, i) => i * 4_100);
    const abort = new AbortController();
    const turn = (): Promise<void> => {
      abort.abort(new RangeError("enough"));
      return Promise.resolve();
    };
    if (identity !== PLAIN) {
      const given = section?.readPieces(starts, 100, new Pace(turn, abort.signal));
      await expect(given).rejects.toThrow("enough");
    }
    await section?.readPieces(starts, 100);
    bytes[64 + 88 * 4_100] = 1 ^ (bytes[64 + 88 * 4_100] ?? 0);
    await expect(section?.readPieces(starts, 100)).rejects.toMatchObject({ code: "data_damaged" });
    expect(targets.length).toBeGreaterThanOrEqual(180);
    const isLeft = targets.some((target) => target.some((byte) => byte !== 0));
    expect(isLeft).toBe(identity === PLAIN);
  });

  test("a piece over a flipped bit, or of what is cut off, is not handed out", async () => {
    const big = { name: "big", pieces: [pattern(10_000, 1)], chunkBytes: 1_024, alignBytes: 64 };
    const bytes = await build([big]);
    const reader = await SegmentReader.open(sourceOf(bytes), identity);
    const section = reader.section(1, "big");
    bytes[64 + 5_000] = (bytes[64 + 5_000] ?? 0) ^ 1;
    expect((await section?.readPieces([0, 9_000], 100))?.length).toBe(200);
    await expect(section?.readPieces([0, 5_100, 9_000], 100)).rejects.toMatchObject({
      code: "data_damaged",
    });
    const short = sourceOf(bytes);
    const cut: SegmentSource = {
      length: short.length,
      read: (position, target) =>
        target.length === 1_024 ? Promise.resolve(1_000) : short.read(position, target),
    };
    const other = (await SegmentReader.open(cut, identity)).section(1, "big");
    await expect(other?.readPieces([0, 9_500], 100)).rejects.toMatchObject({
      code: "data_damaged",
      message: expect.stringMatching(/cut off/) as unknown,
    });
  });

  test("opening reads the end only, and a section nothing but itself", async () => {
    const big = { name: "big", pieces: [pattern(200_000, 1)], chunkBytes: 4_096, alignBytes: 64 };
    const reads: number[] = [];
    const [footerBytes, entryBytes] = identity === PLAIN ? [75, 4] : [75 + 16, 4 + 16];
    const reader = await SegmentReader.open(sourceOf(await build([big]), reads), identity);
    expect(reads).toEqual([32, footerBytes]);
    await reader.section(1, "big")?.read(10_000, 10);
    expect(reads).toEqual([32, footerBytes, 49 * entryBytes, 4_096]);
  });

  test("much is read at a pace, and given up with it", async () => {
    const big = { name: "big", pieces: [pattern(400_000, 1)], chunkBytes: 1_024, alignBytes: 1 };
    const reader = await SegmentReader.open(sourceOf(await build([big])), identity);
    const section = reader.section(1, "big");
    const target = new Uint8Array(400_000);
    let turns = 0;
    const turn = (): Promise<void> => {
      turns++;
      return Promise.resolve();
    };
    await section?.readInto(0, target, new Pace(turn));
    expect(target).toEqual(pattern(400_000, 1));
    // A checksum of 1,024 bytes is 128 steps, and to open them 1,671: 11 slices in all.
    expect(turns).toBe(identity === PLAIN ? 0 : 10);
    const abort = new AbortController();
    abort.abort(new RangeError("enough"));
    const again = section?.readInto(0, target, new Pace(turn, abort.signal));
    await expect(again).rejects.toThrow("enough");
  });

  test("every flipped bit under a section, its chunk table, the footer or the trailer is found", async () => {
    const part = { chunkBytes: 512, alignBytes: 1 };
    const parts = [
      { ...part, name: "a", pieces: [pattern(1_500, 2)] },
      { ...part, name: "b", pieces: [pattern(700, 3)] },
    ];
    const segment = await build(parts, pattern(40, 4));
    let missed = 0;
    for (let bit = 64 * 8; bit < segment.length * 8; bit++) {
      const flipped = segment.slice();
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      await readAll(flipped).then(
        () => missed++,
        (error: unknown) => {
          expect(error).toMatchObject({ code: "data_damaged" });
        },
      );
    }
    expect(missed).toBe(0);
  });

  test("all of it is verified in slices, and a flipped bit in the middle is found", async () => {
    const length = 6 * 1_048_576;
    const section = { chunkBytes: 65_536, alignBytes: 64 };
    const segment = await build([
      { ...section, name: "a", pieces: [pattern(length / 2, 1)] },
      { ...section, name: "b", pieces: [pattern(length / 2, 2)] },
    ]);
    let turns = 0;
    const pace = new Pace(() => {
      turns++;
      return Promise.resolve();
    });
    const reads: number[] = [];
    await verifySegment(sourceOf(segment, reads), identity, pace);
    expect(reads.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(length);
    expect(turns).toBeGreaterThanOrEqual(identity === PLAIN ? 3 : 6);
    segment[length / 2 + 7_777] = 1 ^ (segment[length / 2 + 7_777] ?? 0);
    await expect(verifySegment(sourceOf(segment), identity, pace)).rejects.toMatchObject({
      code: "data_damaged",
    });
  });

  test("a segment cut short anywhere is not opened", async () => {
    const segment = await build([
      { name: "", pieces: [pattern(300, 5)], chunkBytes: 64, alignBytes: 8 },
    ]);
    for (let length = 0; length < segment.length; length++) {
      await expect(readAll(segment.slice(0, length))).rejects.toMatchObject({
        code: "data_damaged",
      });
    }
  });

  test("a whole chunk in another chunk's place fails", async () => {
    const pieces = [pattern(64, 6), pattern(64, 7)];
    const segment = await build([{ name: "", pieces, chunkBytes: 64, alignBytes: 1 }]);
    const swapped = segment.slice();
    swapped.set(segment.subarray(64, 128), 128);
    swapped.set(segment.subarray(128, 192), 64);
    // The chunk table is swapped too: only the identity in the checksums tells the places apart.
    await expect(readAll(swapped)).rejects.toMatchObject({ code: "data_damaged" });
  });

  test("a segment asked for as another one or for another shard is refused", async () => {
    const segment = await build([]);
    const other = new Uint8Array(16).fill(1);
    for (const wrong of [
      { ...identity, shard: other },
      { ...identity, segment: other },
    ]) {
      await expect(SegmentReader.open(sourceOf(segment), wrong)).rejects.toMatchObject({
        code: "data_damaged",
      });
    }
  });
});

describe("a sealed segment", () => {
  const words = Buffer.from("a canary that is long enough to be found by chance never");
  const parts = [{ name: "canary-name", pieces: [words], chunkBytes: 32, alignBytes: 1 }];

  test("shows neither what is in it nor the names of its sections", async () => {
    const stats = Buffer.from("canary statistics");
    const plain = Buffer.from(await buildAs(PLAIN, parts, stats)).toString("latin1");
    const sealed = Buffer.from(await buildAs(SEALED, parts, stats)).toString("latin1");
    for (const canary of ["canary that", "canary-name", "canary statistics"]) {
      expect(plain).toContain(canary);
      expect(sealed).not.toContain(canary);
    }
  });

  test("opens with its own key only, and a plain one with none", async () => {
    const sealed = await buildAs(SEALED, parts);
    const plain = await buildAs(PLAIN, parts);
    const other = { ...SEALED, key: new Uint8Array(32).fill(6) };
    for (const [identity, bytes] of [
      [other, sealed],
      [PLAIN, sealed],
      [SEALED, plain],
    ] as const) {
      await expect(readAs(identity, bytes)).rejects.toMatchObject({ code: "data_damaged" });
    }
  });

  test("is refused when it was changed by somebody who can compute checksums", async () => {
    const segment = Buffer.from(await buildAs(SEALED, parts));
    const tableStart = 64 + words.length;
    const forged = Buffer.from(segment);
    forged[64] = (forged[64] ?? 0) ^ 1;
    const place = Buffer.alloc(8);
    const crc = crc32(forged.subarray(64, 96), crc32(place, crc32(SEALED.segment)));
    forged.writeUInt32LE(crc, tableStart);
    const reader = await SegmentReader.open(sourceOf(forged), SEALED);
    // The table's own checksum lies in the sealed footer.
    await expect(reader.section(1, "canary-name")?.read(0, 4)).rejects.toMatchObject({
      code: "data_damaged",
      message: expect.stringMatching(/chunk table/) as unknown,
    });
  });
});
