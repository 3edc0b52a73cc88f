/** Offloaded shards in an object store: written, read back, found damaged, removed. */
import { beforeEach, describe, expect, it } from "vitest";
import { Pace } from "../base/pace.ts";
import { MemoryObjectStore, SeededRandom, type ObjectStore } from "../io/index.ts";
import { HookedStore, storeFault } from "../../test/support/mirror-bench.ts";
import type { OffloadKeys, OffloadSeal } from "./offload-manifest.ts";
import { offloadManifestKey, offloadPrefix } from "./offload-place.ts";
import {
  listOffloads,
  offloadImage,
  openOffload,
  readOffload,
  removeOffload,
} from "./offload-reader.ts";
import {
  INLINE_BYTES_MAX,
  verifyExtents,
  writeOffload,
  type OffloadRequest,
} from "./offload-writer.ts";
import { sha256 } from "./backup-manifest.ts";
import { PIECE_BYTES, type SegmentImage, type ShardImage } from "./shard-image.ts";
import { probeStore } from "./store-probe.ts";

const random = new SeededRandom(1);
const pace = new Pace(() => Promise.resolve());
const SHARD = new Uint8Array(16).fill(1);
const PREFIX = offloadPrefix(SHARD, new Uint8Array(8).fill(2));
const SHARD_KEY = new Uint8Array(32).fill(3);
const ROOT_FILE = Buffer.from("a root file");
const rootKeys = (name: string): Uint8Array => sha256(Buffer.from(`root ${name}`));
const SEAL: OffloadSeal = { key: SHARD_KEY, rootFile: ROOT_FILE, keys: rootKeys };
const OWN: OffloadKeys = { kind: "shard", key: SHARD_KEY };

function segment(number: number, bytes: number): SegmentImage & { readonly content: Buffer } {
  const content = Buffer.from(random.bytes(bytes));
  return {
    content,
    segment: new Uint8Array(16).fill(number),
    shard: SHARD,
    rowCount: 10,
    sequenceMax: number,
    deadRows: Uint32Array.of(1, 5, 9),
    key: new Uint8Array(32).fill(number),
    bytes,
    async *read() {
      await Promise.resolve();
      for (let at = 0; at < bytes; at += PIECE_BYTES) yield content.subarray(at, at + PIECE_BYTES);
    },
  };
}

function imageOf(segments: readonly SegmentImage[]): ShardImage {
  const tail = (): Promise<[]> => Promise.resolve([]);
  const counts = { sequence: 7, flushedSequence: 7, rowCount: 20, byteCount: 400 };
  return { uid: SHARD, ...counts, segments, tail, tailBytes: 0 };
}

function requestOf(image: ShardImage, seal: OffloadSeal | undefined = SEAL): OffloadRequest {
  return {
    prefix: PREFIX,
    createdAtMs: 5,
    path: ["db", "c", "acme"],
    schema: Buffer.from("schema"),
    row: Buffer.from("row"),
    image,
    seal,
  };
}

async function contentsOf(from: ObjectStore, keys: OffloadKeys): Promise<readonly Buffer[]> {
  const image = offloadImage({ store: from, pace }, await readOffload(from, PREFIX, keys));
  const found: Buffer[] = [];
  for (const each of image.segments) {
    const pieces: Uint8Array[] = [];
    for await (const piece of each.read()) pieces.push(piece);
    found.push(Buffer.concat(pieces));
  }
  return found;
}

async function keysIn(from: ObjectStore): Promise<readonly string[]> {
  return from.list("", { limit: 100 });
}

let store: MemoryObjectStore;

beforeEach(() => {
  store = new MemoryObjectStore();
});

describe("an offloaded shard", () => {
  it.each([
    ["without a segment", [], 1],
    ["of small segments, in one object", [100, 200], 1],
    ["of as much as one object holds", [INLINE_BYTES_MAX - 1, 1], 1],
    ["of a byte more", [INLINE_BYTES_MAX, 1], 3],
    ["of a segment in several pieces", [PIECE_BYTES * 2 + 1], 4],
  ])("%s is read back as it was", async (_, sizes, objects) => {
    const segments = sizes.map((bytes, i) => segment(i + 1, bytes));
    const written = await writeOffload({ store, random, pace }, requestOf(imageOf(segments)));
    expect(await keysIn(store)).toHaveLength(objects);
    const read = await readOffload(store, PREFIX, OWN);
    expect(read).toEqual(written);
    expect(read).toMatchObject({ createdAtMs: 5, path: ["db", "c", "acme"] });
    expect(Buffer.from(read.schema).toString()).toBe("schema");
    expect(read.shard).toMatchObject({ sequence: 7, rowCount: 20, byteCount: 400 });
    expect(read.shard.segments.map(({ key, deadRows }) => [key, [...deadRows]])).toEqual(
      segments.map(({ key }) => [key, [1, 5, 9]]),
    );
    const contents = await contentsOf(store, OWN);
    expect(contents.map((bytes, i) => segments[i]?.content.equals(bytes))).toEqual(
      sizes.map(() => true),
    );
  });

  it("of one object costs one request to write, one to compare, and one to read", async () => {
    const calls: string[] = [];
    const hooked = new HookedStore(store, ({ kind }) => void calls.push(kind));
    const segments = [segment(1, 100), segment(2, 200)];
    await writeOffload({ store: hooked, random, pace }, requestOf(imageOf(segments)));
    expect(calls.splice(0)).toEqual(["put-if-absent", "get"]);
    const { image } = await openOffload({ store: hooked, pace }, PREFIX, OWN);
    for (const [i, each] of image.segments.entries()) {
      const pieces: Uint8Array[] = [];
      for await (const piece of each.read()) pieces.push(piece);
      expect(Buffer.concat(pieces)).toEqual(segments[i]?.content);
    }
    expect(calls).toEqual(["get"]);
  });

  it("is opened by whoever has the root key, and by nobody else", async () => {
    await writeOffload({ store, random, pace }, requestOf(imageOf([segment(1, 50)])));
    const seen: string[] = [];
    const open = (rootFile: Uint8Array): typeof rootKeys => {
      seen.push(Buffer.from(rootFile).toString());
      return rootKeys;
    };
    const read = await readOffload(store, PREFIX, { kind: "root", open });
    expect(seen).toEqual(["a root file"]);
    expect(read.path).toEqual(["db", "c", "acme"]);
    const strangers: OffloadKeys[] = [
      { kind: "root", open: () => () => new Uint8Array(32) },
      { kind: "shard", key: new Uint8Array(32) },
      { kind: "shard", key: undefined },
    ];
    for (const keys of strangers) {
      await expect(readOffload(store, PREFIX, keys)).rejects.toMatchObject({
        code: "data_damaged",
      });
    }
  });

  it("names nothing in the clear: no name, no key of a segment, no key of the shard", async () => {
    await writeOffload({ store, random, pace }, requestOf(imageOf([segment(1, 50)])));
    const bytes = Buffer.from((await store.get(offloadManifestKey(PREFIX))) ?? []);
    for (const secret of [Buffer.from("acme"), SHARD_KEY, new Uint8Array(32).fill(1)]) {
      expect(bytes.includes(Buffer.from(secret))).toBe(false);
    }
  });

  it("of a shard that is not sealed needs no key", async () => {
    const plain = { ...segment(1, 50), key: undefined };
    await writeOffload(
      { store, random, pace },
      { ...requestOf(imageOf([plain])), seal: undefined },
    );
    expect(await contentsOf(store, { kind: "shard", key: undefined })).toEqual([plain.content]);
  });

  it("is moved to another prefix by nobody: its seal says where it lies", async () => {
    await writeOffload({ store, random, pace }, requestOf(imageOf([segment(1, 50)])));
    const other = offloadPrefix(SHARD, new Uint8Array(8));
    const bytes = await store.get(offloadManifestKey(PREFIX));
    await store.put(offloadManifestKey(other), bytes ?? new Uint8Array(0));
    await expect(readOffload(store, other, OWN)).rejects.toMatchObject({ code: "data_damaged" });
  });

  it("is refused, by its object's name, whatever byte of it is changed or cut off", async () => {
    const segments = [segment(1, 300), segment(2, 20)];
    await writeOffload({ store, random, pace }, requestOf(imageOf(segments)));
    const object = offloadManifestKey(PREFIX);
    const bytes = Buffer.from((await store.get(object)) ?? []);
    for (let at = 0; at < bytes.length; at++) {
      const bent = Buffer.from(bytes);
      bent[at] = (bent[at] ?? 0) ^ 1;
      for (const body of [bent, bytes.subarray(0, at)]) {
        await store.put(object, body);
        const error: unknown = await contentsOf(store, OWN).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).toHaveProperty("code");
        expect(["data_damaged", "format_unsupported"]).toContain(
          (error as { readonly code: string }).code,
        );
      }
    }
  });

  it("is refused when a piece is missing, short or another one", async () => {
    const segments = [segment(1, INLINE_BYTES_MAX), segment(2, INLINE_BYTES_MAX)];
    const manifest = await writeOffload({ store, random, pace }, requestOf(imageOf(segments)));
    const [first, second] = manifest.shard.segments.map(({ extents }) => extents[0]?.object ?? "");
    const good = Buffer.from((await store.get(first ?? "")) ?? []);
    const bad = [good.subarray(1), await store.get(second ?? ""), undefined];
    for (const body of bad) {
      if (body === undefined) await store.delete(first ?? "");
      else await store.put(first ?? "", body);
      await expect(verifyExtents({ store, pace }, manifest)).rejects.toMatchObject({
        code: "data_damaged",
        details: { object: first },
      });
    }
  });
});

describe("an offload that is tried again", () => {
  const segments = [segment(1, INLINE_BYTES_MAX), segment(2, 5_000)];
  const contents = segments.map(({ content }) => content.toString("base64"));
  const found = async (): Promise<readonly string[]> =>
    (await contentsOf(store, OWN)).map((bytes) => bytes.toString("base64"));

  it("finds what an earlier try left, at whichever call that one ended", async () => {
    let ended = 0;
    for (let fatal = 1; ; fatal++) {
      store = new MemoryObjectStore();
      let calls = 0;
      const dying = new HookedStore(store, () => {
        calls++;
        if (calls >= fatal) throw storeFault();
      });
      const first = writeOffload({ store: dying, random, pace }, requestOf(imageOf(segments)));
      const isDone = await first.then(
        () => true,
        () => false,
      );
      if (isDone) break;
      ended++;
      await writeOffload({ store, random, pace }, requestOf(imageOf(segments)));
      expect(await found()).toEqual(contents);
    }
    // Two pieces and the manifest put, the manifest and two pieces read back.
    expect(ended).toBe(6);
  });

  it("takes what took effect unheard for its own", async () => {
    const deaf = new HookedStore(
      store,
      () => undefined,
      ({ kind }) => {
        if (kind === "put-if-absent") throw storeFault();
      },
    );
    for (let round = 0; round < 4; round++) {
      await expect(
        writeOffload({ store: deaf, random, pace }, requestOf(imageOf(segments))),
      ).rejects.toMatchObject({ code: "io_failed" });
    }
    await writeOffload({ store, random, pace }, requestOf(imageOf(segments)));
    expect(await found()).toEqual(contents);
  });

  it("is refused when another shard's manifest lies in its place", async () => {
    await writeOffload({ store, random, pace }, requestOf(imageOf([segment(9, 10)])));
    await expect(
      writeOffload({ store, random, pace }, requestOf(imageOf(segments))),
    ).rejects.toMatchObject({ code: "data_damaged" });
  });

  it("tells of bytes that the store has changed, and of a store that took fewer", async () => {
    for (const change of [(body: Buffer) => body.subarray(0, -1), (body: Buffer) => body.fill(0)]) {
      for (const part of ["-000000", "manifest"]) {
        store = new MemoryObjectStore();
        const lying = new HookedStore(
          store,
          () => undefined,
          async ({ kind, key }) => {
            if (kind !== "put-if-absent" || !key.endsWith(part)) return;
            await store.put(key, change(Buffer.from((await store.get(key)) ?? [])));
          },
        );
        await expect(
          writeOffload({ store: lying, random, pace }, requestOf(imageOf(segments))),
        ).rejects.toMatchObject({ code: "data_damaged" });
      }
    }
  });
});

describe("offloads in a store", () => {
  it("are listed by their manifests, and removed one by one with all they left", async () => {
    const prefixes = [1, 2, 3].map((n) => offloadPrefix(SHARD, new Uint8Array(8).fill(n)));
    for (const prefix of prefixes) {
      const request = requestOf(imageOf([segment(1, INLINE_BYTES_MAX + 1)]));
      await writeOffload({ store, random, pace }, { ...request, prefix });
    }
    const [first = "", second = "", third = ""] = prefixes;
    await store.delete(offloadManifestKey(second));
    const listed: string[] = [];
    for await (const prefix of listOffloads(store)) listed.push(prefix);
    expect(listed).toEqual([first, third]);
    expect(await removeOffload(store, second)).toBe(1);
    expect(await removeOffload(store, first)).toBe(1);
    expect(await removeOffload(store, first)).toBe(0);
    expect(await keysIn(store)).toEqual([`${third}${"01".repeat(16)}-000000`, `${third}manifest`]);
  });

  it("that stay listed after their removal end it with an error to be tried again", async () => {
    await store.put(`${PREFIX}x`, Buffer.from("x"));
    class Stale extends MemoryObjectStore {
      override list(): Promise<readonly string[]> {
        return Promise.resolve([`${PREFIX}x`]);
      }
    }
    await expect(removeOffload(new Stale(), PREFIX)).rejects.toMatchObject({
      code: "io_failed",
      retryAfterMs: 60_000,
    });
  });
});

describe("the trial of a store", () => {
  it("leaves nothing behind in one that does all", async () => {
    await probeStore(store, random);
    expect(await keysIn(store)).toEqual([]);
  });

  it.each([
    ["replaces what must be created", { putIfAbsent: () => Promise.resolve(true) }],
    ["tells another length", { head: () => Promise.resolve(3) }],
    ["lists nothing", { list: () => Promise.resolve([]) }],
    ["does not remove", { delete: () => Promise.resolve() }],
  ])("refuses one that %s", async (_, change) => {
    await expect(probeStore(Object.assign(store, change), random)).rejects.toMatchObject({
      code: "operation_unsupported",
    });
  });

  it("refuses one that knows no ranges", async () => {
    const whole = new MemoryObjectStore();
    whole.get = (key) => MemoryObjectStore.prototype.get.call(whole, key);
    await expect(probeStore(whole, random)).rejects.toMatchObject({
      code: "operation_unsupported",
    });
  });
});
