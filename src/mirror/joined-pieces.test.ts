/** A log that grows slowly over a long time: few pieces at any point, and every point readable. */
import { beforeEach, describe, expect, it } from "vitest";
import { HookedStore, objectsOf, storeFault } from "../../test/support/mirror-bench.ts";
import { sha256 } from "../backup/index.ts";
import { ManualClock, MemoryFileSystem, MemoryObjectStore, SeededRandom } from "../io/index.ts";
import type { ObjectStore } from "../io/index.ts";
import { SMALL_RANGES_MAX } from "./join-ranges.ts";
import { piecePrefix, pointKey } from "./mirror-keys.ts";
import { decodePoint, encodePoint } from "./mirror-point.ts";
import { fetchPiece, loadMirror, newestPoint, pointAt, type MirrorPlace } from "./mirror-reader.ts";
import { SEAL_PURPOSES, mirrorSeal } from "./mirror-seal.ts";
import { openSession } from "./mirror-session.ts";
import type { MirrorSource } from "./mirror-source.ts";
import { MirrorUpkeep } from "./mirror-upkeep.ts";
import { PointMaker } from "./point-maker.ts";

const LOG = "log/1";
const OTHER = "log/2";

let random: SeededRandom;
let clock: ManualClock;
let files: MemoryFileSystem;
let store: MemoryObjectStore;
let mirror: string;
/** What each file of the log holds now. */
let contents: Map<string, Buffer>;
const seal = mirrorSeal(undefined, new SeededRandom(1));

beforeEach(async () => {
  random = new SeededRandom(3);
  clock = new ManualClock();
  files = new MemoryFileSystem();
  store = new MemoryObjectStore();
  contents = new Map();
  await files.makeFolder("log");
});

async function grow(path: string, count: number): Promise<void> {
  const added = Buffer.from(random.bytes(count));
  const all = Buffer.concat([contents.get(path) ?? Buffer.alloc(0), added]);
  contents.set(path, all);
  await files.replaceWhole(path, all);
}

const source: MirrorSource = {
  list: () => Promise.resolve({ segments: new Map(), packs: new Map(), secrets: new Set() }),
  capture: () => ({
    whole: Array.from(contents, ([path, { length: bytes }]) => ({ path, bytes })),
    replaced: [],
    placed: [],
    segments: new Map(),
    packs: new Map(),
    secrets: new Set(),
    release: () => undefined,
  }),
};

interface Life {
  readonly maker: PointMaker;
  /** Makes a point, and tidies up behind it. */
  readonly point: () => Promise<void>;
}

async function begin(
  to: ObjectStore = store,
  { pointsPerBase = 50, retentionMs = 100 } = {},
): Promise<Life> {
  const { signal } = new AbortController();
  const doors = { store: to, fileSystem: files, random, clock, source, keyOf: undefined, signal };
  const session = await openSession(doors);
  ({ mirror } = session);
  const maker = await PointMaker.open(doors, session);
  const upkeep = new MirrorUpkeep({ store: to, clock, session, retentionMs, pointsPerBase });
  const point = async (): Promise<void> => {
    clock.jumpWall(1);
    await maker.make();
    if (maker.newest !== undefined) await upkeep.run(maker.newest, maker.pointBytes);
  };
  return { maker, point };
}

function place(): MirrorPlace {
  return { store, mirror, seal };
}

/** What the files are at a moment, or now, and how many pieces they are made of. */
async function readBack(
  atMs?: number,
): Promise<{ readonly found: Map<string, Buffer>; readonly pieces: number }> {
  const head = await (atMs === undefined
    ? newestPoint(store, mirror)
    : pointAt(store, mirror, atMs));
  const { state } = await loadMirror(place(), head ?? expect.fail("there is a point"));
  const found = new Map<string, Buffer>();
  const names = new Set<string>();
  for (const [path, { ranges, bytes }] of state.files) {
    const parts: Uint8Array[] = [];
    for (const { piece, offset, length } of ranges) {
      names.add(piece.name);
      parts.push((await fetchPiece(place(), piece)).subarray(offset, offset + length));
    }
    const whole = Buffer.concat(parts);
    expect(whole.length).toBe(bytes);
    found.set(path, whole);
  }
  return { found, pieces: names.size };
}

/** Compared as a whole: byte by byte it takes a second for each. */
function printed(all: ReadonlyMap<string, Buffer>): readonly string[] {
  return Array.from(all, ([path, bytes]) => `${path} ${sha256(bytes).toString("hex")}`).toSorted();
}

/** Pieces in the store that the newest point neither names nor knows as free. */
async function strays(): Promise<readonly string[]> {
  const newest = await newestPoint(store, mirror);
  const { state } = await loadMirror(place(), newest ?? expect.fail("there is a point"));
  const known = new Set(state.freed.map(({ name }) => name));
  for (const { ranges } of state.files.values()) {
    for (const { piece } of ranges) known.add(piece.name);
  }
  const prefix = piecePrefix(mirror);
  const keys = await store.list(prefix, { limit: 100_000 });
  return keys.map((key) => key.slice(prefix.length)).filter((name) => !known.has(name));
}

describe("a log that grows a little with each point", () => {
  it("is made of few pieces at every point, each point of the retention is readable, and what is out of reach goes", async () => {
    const { maker, point } = await begin();
    const moments = new Map<number, ReadonlyMap<string, Buffer>>();
    let bytes = 0;
    for (let i = 0; i < 1_500; i++) {
      const count = 40 + random.below(i % 20 === 0 ? 3_000 : 200);
      bytes += count;
      await grow(i % 3 === 0 ? OTHER : LOG, count);
      await point();
      moments.set(clock.wallMs(), new Map(contents));
      if (i % 100 !== 99) continue;
      const { found, pieces } = await readBack();
      expect(printed(found)).toEqual(printed(contents));
      expect(pieces).toBeLessThan(2 * SMALL_RANGES_MAX);
      for (const back of [1, 20, 33, 99]) {
        const atMs = clock.wallMs() - back;
        const { found: old } = await readBack(atMs);
        expect(printed(old)).toEqual(printed(moments.get(atMs) ?? new Map()));
      }
      const there = await store.list(piecePrefix(mirror), { limit: 100_000 });
      expect(there.length).toBeLessThan(600);
    }
    expect(maker.bytesSent).toBeLessThan(4 * bytes);
    expect(await strays()).toEqual([]);
  });

  it("is joined at the first point of a life when an older program left it in thousands of pieces", async () => {
    const first = await begin();
    await grow(LOG, 100);
    await first.point();
    const before = await readBack();
    const added = await addByHand(2_000);
    expect((await readBack()).pieces).toBe(2_001);
    const { point } = await begin();
    // Of both what grows and what does not.
    await grow(OTHER, 50);
    await point();
    const { found, pieces } = await readBack();
    expect(printed(found)).toEqual(printed(contents));
    expect(pieces).toBeLessThan(5);
    const old = await loadMirror(place(), added);
    expect(old.state.bytesOf(LOG)).toBe(contents.get(LOG)?.length);
    expect(before.found.get(LOG)).toHaveLength(100);
    expect(await strays()).toEqual([]);
  });

  /** Makes the newest point one that names many pieces of a few bytes. */
  async function addByHand(
    count: number,
  ): Promise<NonNullable<Awaited<ReturnType<typeof newestPoint>>>> {
    const newest = (await newestPoint(store, mirror)) ?? expect.fail("there is a point");
    const key = pointKey(mirror, newest.number);
    const opening = { seal, purpose: SEAL_PURPOSES.point(newest.number) };
    const { head, body } = await decodePoint(
      key,
      (await store.get(key)) ?? new Uint8Array(),
      opening,
    );
    const ranges = [];
    const start = contents.get(LOG)?.length ?? 0;
    await grow(LOG, count * 7);
    for (let i = 0; i < count; i++) {
      const plain =
        contents.get(LOG)?.subarray(start + i * 7, start + i * 7 + 7) ?? Buffer.alloc(0);
      const name = `0000000001-${head.writer}-${String(1_000 + i).padStart(10, "0")}`;
      await store.put(piecePrefix(mirror) + name, plain);
      const piece = { name, bytes: 7, sha256: new Uint8Array(sha256(plain)) };
      ranges.push({ piece, offset: 0, length: 7 });
    }
    const change = { path: LOG, isWhole: false, ranges };
    const more = { ...body, files: [...body.files, change] };
    await store.put(key, await encodePoint(head, more, opening));
    return head;
  }
});

describe("a machine that is lost while it joins pieces", () => {
  /** Calls of the store that a point with a join makes. */
  async function untilJoin(): Promise<void> {
    const { point } = await begin();
    for (let i = 0; i < 31; i++) {
      await grow(LOG, 100);
      await grow(OTHER, 60);
      await point();
    }
    expect((await readBack()).pieces).toBe(31);
    await grow(LOG, 100);
    await grow(OTHER, 60);
  }

  it.each(["before", "after"])(
    "at any call, %s it took effect, goes on, and leaves no piece behind",
    async (when) => {
      let isOver = false;
      for (let nth = 1; !isOver; nth++) {
        files = new MemoryFileSystem();
        store = new MemoryObjectStore();
        contents = new Map();
        await files.makeFolder("log");
        await untilJoin();
        let calls = 0;
        let isLost = false;
        const lose = (): void => {
          if (++calls >= nth) isLost = true;
          if (isLost) throw storeFault();
        };
        const none = (): void => {
          if (isLost) throw storeFault();
        };
        const to =
          when === "before" ? new HookedStore(store, lose) : new HookedStore(store, none, lose);
        try {
          await (await begin(to)).point();
          isOver = true;
        } catch {
          // What the store has is one of the two, whole.
          const { found } = await readBack();
          for (const [path, all] of contents) {
            const bytes = found.get(path) ?? Buffer.alloc(0);
            expect([all.length, all.length - (path === LOG ? 100 : 60)]).toContain(bytes.length);
            expect(all.subarray(0, bytes.length).equals(bytes)).toBe(true);
          }
        }
        const { point } = await begin();
        await grow(LOG, 100);
        await point();
        const { found, pieces } = await readBack();
        expect(printed(found)).toEqual(printed(contents));
        expect(pieces).toBeLessThan(5);
        expect(await strays()).toEqual([]);
      }
    },
  );

  it.each([1, 2, 3])(
    "or whose store fails by chance, is right at each point, seed %i",
    async (seed) => {
      const chance = new SeededRandom(seed);
      let isBroken = false;
      const fail = (): void => {
        if (isBroken && chance.below(6) === 0) throw storeFault();
      };
      const to = new HookedStore(store, fail, fail);
      let { point } = await begin(to);
      isBroken = true;
      for (let i = 0; i < 300; i++) {
        const path = `log/${String(chance.below(3))}`;
        await grow(path, 2 ** chance.below(13));
        await point().catch(() => undefined);
        if (chance.below(40) === 0) {
          // Cut off: what was sent and counts for nothing is found by the next life.
          isBroken = false;
          ({ point } = await begin(to));
          isBroken = true;
        }
        const gone = `log/${String(chance.below(3))}`;
        if (chance.below(60) !== 0 || gone === path) continue;
        contents.delete(gone);
        await files.unlink(gone);
        // Another file gets the name only behind a point without it.
        isBroken = false;
        await point();
        isBroken = true;
      }
      isBroken = false;
      await grow(LOG, 5);
      await point();
      const { found, pieces } = await readBack();
      expect(printed(found)).toEqual(printed(contents));
      expect(pieces).toBeLessThan(3 * SMALL_RANGES_MAX);
      expect(await strays()).toEqual([]);
    },
  );

  it("leaves the pieces of the points before to whoever restores one of them", async () => {
    await untilJoin();
    const atMs = clock.wallMs();
    const old = new Map(Array.from(contents, ([path, all]) => [path, all.length]));
    const { point } = await begin(store, { pointsPerBase: 1, retentionMs: 10 });
    await point();
    expect((await readBack()).pieces).toBe(1);
    for (let i = 0; i < 8; i++) await point();
    const { found } = await readBack(atMs);
    expect(found.get(LOG)).toEqual(contents.get(LOG)?.subarray(0, (old.get(LOG) ?? 0) - 100));
    const before = (await objectsOf(store)).size;
    // Out of reach now, and gone.
    for (let i = 0; i < 30; i++) {
      await grow(LOG, 100);
      await point();
    }
    expect((await objectsOf(store)).size).toBeLessThan(before);
    await expect(readBack(atMs)).rejects.toMatchObject({ code: "backup_not_found" });
    expect(await strays()).toEqual([]);
  });
});
