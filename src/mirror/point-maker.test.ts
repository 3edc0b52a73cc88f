/** Points of a folder that a test makes up: what fails on the way, and what is asked meanwhile. */
import { beforeEach, describe, expect, it } from "vitest";
import { InsulaError } from "../base/errors.ts";
import {
  FaultyFileSystem,
  ManualClock,
  MemoryFileSystem,
  MemoryObjectStore,
  SeededRandom,
  type FileSystem,
  type ObjectStore,
} from "../io/index.ts";
import { HookedStore, storeFault, type StoreCall } from "../../test/support/mirror-bench.ts";
import { piecePrefix, secretKey } from "./mirror-keys.ts";
import { readMarker } from "./mirror-marker.ts";
import { fetchPiece, loadMirror, newestPoint } from "./mirror-reader.ts";
import { mirrorSeal } from "./mirror-seal.ts";
import { openSession } from "./mirror-session.ts";
import type { MirrorSource } from "./mirror-source.ts";
import { MirrorUpkeep } from "./mirror-upkeep.ts";
import { PointMaker } from "./point-maker.ts";

const random = new SeededRandom(1);
const SLOTS = "keys/0000000001.slots";

let files: MemoryFileSystem;
let store: MemoryObjectStore;
/** Runs when an image is taken. */
let onCapture: () => void;
let erased: Set<string>;

beforeEach(async () => {
  files = new MemoryFileSystem();
  store = new MemoryObjectStore();
  onCapture = () => undefined;
  segments = new Map();
  erased = new Set();
  for (const folder of ["log", "catalog", "keys"]) await files.makeFolder(folder);
  await files.replaceWhole("log/1", bytesOf("one"));
  await files.replaceWhole(SLOTS, bytesOf("key of acme, key of zeta"));
});

function bytesOf(text: string): Buffer {
  return Buffer.from(text, "utf8");
}

/** A log of one file, a manifest that says how long it is, one file of keys. */
function sourceOf(): MirrorSource {
  return {
    list: () =>
      Promise.resolve({ segments: new Map(), packs: new Map(), secrets: new Set([SLOTS]) }),
    capture: () => {
      onCapture();
      const bytes = logBytes;
      const secrets = new Set(erased);
      erased.clear();
      return {
        whole: [{ path: "log/1", bytes }],
        replaced: [{ path: "catalog/MANIFEST", bytes: bytesOf(`the log has ${String(bytes)}`) }],
        placed: [],
        segments: new Map(segments),
        packs: new Map(),
        secrets,
        release: () => undefined,
      };
    },
  };
}

let logBytes = 3;
/** Changed since the first image, and never forgotten here. */
let segments = new Map<string, boolean>();

async function grow(text: string): Promise<void> {
  const before = (await files.readWhole("log/1")) ?? new Uint8Array();
  const all = Buffer.concat([before, bytesOf(text)]);
  await files.replaceWhole("log/1", all);
  logBytes = all.length;
}

async function openMaker(
  doors: { readonly store?: ObjectStore; readonly fileSystem?: FileSystem } = {},
): Promise<{ maker: PointMaker; upkeep: MirrorUpkeep; mirror: string }> {
  const clock = new ManualClock();
  const all = {
    store: doors.store ?? store,
    fileSystem: doors.fileSystem ?? files,
    random,
    clock,
    source: sourceOf(),
    keyOf: undefined,
    signal: new AbortController().signal,
  };
  const session = await openSession(all);
  const maker = await PointMaker.open(all, session);
  const upkeep = new MirrorUpkeep({ ...all, session, retentionMs: 0, pointsPerBase: 4 });
  return { maker, upkeep, mirror: session.mirror };
}

/** What the newest point says of a file. */
async function stored(mirror: string, path: string): Promise<string> {
  const place = { store, mirror, seal: mirrorSeal(undefined, random) };
  const newest = await newestPoint(store, mirror);
  if (newest === undefined) return "no point";
  const { state } = await loadMirror(place, newest);
  const parts: Uint8Array[] = [];
  for (const { piece, offset, length } of state.files.get(path)?.ranges ?? []) {
    parts.push((await fetchPiece(place, piece)).subarray(offset, offset + length));
  }
  return Buffer.concat(parts).toString("utf8");
}

describe("keys", () => {
  it("that are erased between a look at them and the image go with the next point", async () => {
    logBytes = 3;
    const { maker, mirror } = await openMaker();
    await maker.make();
    expect(maker.hasErased).toBe(false);
    await files.replaceWhole(SLOTS, bytesOf("-----------, key of zeta"));
    erased.add(SLOTS);
    await maker.make();
    expect(maker.hasErased).toBe(true);
    // The file has been read for this point when the second one is erased.
    const zeroed = bytesOf("-----------, -----------");
    const erasing: Promise<void>[] = [];
    onCapture = () => {
      erasing.push(files.replaceWhole(SLOTS, zeroed));
      erased.add(SLOTS);
    };
    await maker.make();
    await Promise.all(erasing);
    onCapture = () => undefined;
    expect(maker.hasErased).toBe(true);
    await maker.make();
    expect(maker.hasErased).toBe(false);
    expect(await store.get(secretKey(mirror, SLOTS))).toEqual(new Uint8Array(zeroed));
  });

  it("that cannot be read now are not forgotten", async () => {
    logBytes = 3;
    const faulty = new FaultyFileSystem(files, [
      { kinds: ["read-whole"], path: SLOTS, nth: 2, effect: "EIO" },
    ]);
    const { maker, mirror } = await openMaker({ fileSystem: faulty });
    await maker.make();
    const zeroed = bytesOf("-----------, -----------");
    await files.replaceWhole(SLOTS, zeroed);
    erased.add(SLOTS);
    await maker.make();
    await expect(maker.make()).rejects.toMatchObject({ code: "io_failed" });
    await maker.make();
    expect(await store.get(secretKey(mirror, SLOTS))).toEqual(new Uint8Array(zeroed));
  });
});

describe("a point that was made though the folder could not be told", () => {
  it("is not made twice, and the next ones go on from it", async () => {
    logBytes = 3;
    const faulty = new FaultyFileSystem(files, [
      { kinds: ["create"], path: "mirror/marker", nth: 2, count: 2, effect: "ENOSPC" },
    ]);
    const { maker, mirror } = await openMaker({ fileSystem: faulty });
    await expect(maker.make()).rejects.toMatchObject({ code: "disk_full" });
    expect(maker.newest?.number).toBe(1);
    await grow(" two");
    // No second point that the folder does not know of: the next life would not call it its own.
    await expect(maker.make()).rejects.toMatchObject({ code: "disk_full" });
    expect(maker.newest?.number).toBe(1);
    await maker.make();
    expect(await stored(mirror, "log/1")).toBe("one two");
    expect((await readMarker(files))?.point).toBe(2);
  });
});

describe("a segment of many pieces of which some failed", () => {
  const SEGMENT = "seg/00/x.seg";
  const content = Buffer.alloc(40_000_000, "a segment is longer than a piece, ");

  /** A store that fails the first calls of pieces after so many. */
  async function openFailing(after: number) {
    logBytes = 3;
    await files.makeFolder("seg");
    await files.makeFolder("seg/00");
    await files.replaceWhole(SEGMENT, content);
    segments = new Map([[SEGMENT, true]]);
    let pieces = 0;
    let failures = 1;
    const hooked = new HookedStore(store, ({ kind, key }) => {
      if (kind !== "put-if-absent" || !key.includes("piece") || ++pieces < after) return;
      if (failures-- > 0) throw storeFault();
    });
    const opened = await openMaker({ store: hooked });
    await expect(opened.maker.make()).rejects.toThrow();
    return opened;
  }

  it.each([1, 2, 4, 5])("is whole in the next point, from piece %d on", async (after) => {
    const { maker, mirror } = await openFailing(after);
    await maker.make();
    expect(await stored(mirror, SEGMENT)).toBe(content.toString("utf8"));
    const sent = maker.bytesSent;
    await maker.make();
    expect(maker.bytesSent).toBe(sent);
  });

  it("is in no point when it was removed meanwhile", async () => {
    const { maker, mirror } = await openFailing(4);
    await files.unlink(SEGMENT);
    segments = new Map([[SEGMENT, false]]);
    await maker.make();
    expect(await stored(mirror, SEGMENT)).toBe("");
  });
});

describe("a store that fails at any call, before or after it took effect", () => {
  /** All keys of pieces there are, but for those that the state names. */
  async function strays(mirror: string): Promise<readonly string[]> {
    const newest = await newestPoint(store, mirror);
    const place = { store, mirror, seal: mirrorSeal(undefined, random) };
    const { state } = await loadMirror(place, newest ?? expect.fail("there is a point"));
    const named = new Set(state.freed.map(({ name }) => name));
    for (const { ranges } of state.files.values()) {
      for (const { piece } of ranges) named.add(piece.name);
    }
    const prefix = piecePrefix(mirror);
    const keys = await store.list(prefix, { limit: 10_000 });
    return keys.map((key) => key.slice(prefix.length)).filter((name) => !named.has(name));
  }

  it.each(["before", "after"])(
    "%s: every point counts once, no piece is left over",
    async (when) => {
      for (let nth = 2; nth < 40; nth += 3) {
        store = new MemoryObjectStore();
        files = new MemoryFileSystem();
        await files.makeFolder("log");
        await files.makeFolder("keys");
        await files.replaceWhole(SLOTS, bytesOf("keys"));
        await files.replaceWhole("log/1", bytesOf("one"));
        logBytes = 3;
        let calls = 0;
        let isBroken = false;
        const hook = ({ kind }: StoreCall): void => {
          calls++;
          if (isBroken && calls % nth === 0) throw storeFault(`${kind} ${String(calls)}`);
        };
        const none = (): void => undefined;
        const faulty =
          when === "before" ? new HookedStore(store, hook) : new HookedStore(store, none, hook);
        const { maker, upkeep, mirror } = await openMaker({ store: faulty });
        isBroken = true;
        let failures = 0;
        for (let point = 0; point < 60; point++) {
          await grow(` ${String(point)}`);
          try {
            await maker.make();
            if (maker.newest !== undefined) await upkeep.run(maker.newest, maker.pointBytes);
          } catch (error) {
            if (!(error instanceof InsulaError)) throw error;
            failures++;
          }
        }
        expect(failures).toBeGreaterThan(0);
        isBroken = false;
        await grow(" end");
        await maker.make();
        expect(await stored(mirror, "log/1")).toBe(
          Buffer.from((await files.readWhole("log/1")) ?? []).toString("utf8"),
        );
        expect(await strays(mirror)).toEqual([]);
      }
    },
  );
});
