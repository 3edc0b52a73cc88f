/** Files that are fetched when they are needed, from a store that does not answer. */
import { beforeEach, describe, expect, it } from "vitest";
import { HookedStore, turns } from "../../test/support/mirror-bench.ts";
import { sha256 } from "../backup/index.ts";
import { ManualClock, MemoryFileSystem, MemoryObjectStore } from "../io/index.ts";
import { LAZY_STOP_MS, LazyFileSystem } from "./lazy-file-system.ts";
import { piecePrefix } from "./mirror-keys.ts";
import { PLAIN_SEAL } from "./mirror-seal.ts";
import { writeRemote } from "./remote-list.ts";

const MIRROR = "ab".repeat(16);
const PATHS = ["seg/00/a", "seg/00/b"];

let files: MemoryFileSystem;
let clock: ManualClock;
let store: MemoryObjectStore;
let faults: unknown[];

beforeEach(async () => {
  files = new MemoryFileSystem();
  clock = new ManualClock();
  store = new MemoryObjectStore();
  faults = [];
  await files.makeFolder("mirror");
  const remote = PATHS.map(async (path, i) => {
    const body = Buffer.from(`what is in ${path}`, "utf8");
    const piece = { name: String(i), bytes: body.length, sha256: sha256(body) };
    await store.put(piecePrefix(MIRROR) + piece.name, body);
    const ranges = [{ piece, offset: 0, length: body.length }];
    return [path, { bytes: body.length, ranges }] as const;
  });
  const source = { target: "memory", mirror: MIRROR, isSealed: false };
  await writeRemote(files, source, new Map(await Promise.all(remote)));
});

/** A store that answers when `answer` is called, and remembers whom it was told to forget. */
function slowStore(): { readonly slow: HookedStore; answer: () => void; signals: AbortSignal[] } {
  let answer = (): void => undefined;
  const isAnswered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const signals: AbortSignal[] = [];
  const slow = new HookedStore(store, ({ signal }) => {
    if (signal !== undefined) signals.push(signal);
    return isAnswered;
  });
  return { slow, answer, signals };
}

async function openLazy(from: HookedStore): Promise<LazyFileSystem> {
  const onFault = (error: unknown): void => {
    faults.push(error);
  };
  const lazy = await LazyFileSystem.open({ files, clock, onFault });
  lazy.start({ store: from, mirror: MIRROR, seal: PLAIN_SEAL });
  return lazy;
}

const CLOSED = { code: "engine_closed" };

describe("a store that does not answer", () => {
  it("does not keep a stop: who waits for a file is told, nothing is left, nothing comes later", async () => {
    const { slow, answer, signals } = slowStore();
    const lazy = await openLazy(slow);
    const reading = lazy.readWhole("seg/00/b");
    const failing = expect(reading).rejects.toMatchObject(CLOSED);
    const removing = lazy.unlink("seg/00/a");
    await turns(10);
    await lazy.stop();
    await failing;
    await removing;
    expect(signals.length).toBeGreaterThan(0);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
    await expect(lazy.readWhole("seg/00/b")).rejects.toMatchObject(CLOSED);
    const before = await files.listFolder("mirror");
    expect(before.filter((name) => name.startsWith("fetch-"))).toEqual([]);
    answer();
    await turns(20);
    expect(await files.listFolder("mirror")).toEqual(before);
    expect(await files.listFolder("seg/00")).toEqual([]);
    // A stop is no failure.
    expect(faults).toEqual([]);
  });

  it("keeps an engine that ends no longer than it is given", async () => {
    const { slow } = slowStore();
    const lazy = await openLazy(slow);
    const failing = expect(lazy.readWhole("seg/00/b")).rejects.toMatchObject(CLOSED);
    lazy.endSoon();
    clock.advance(LAZY_STOP_MS);
    await failing;
    await lazy.stop();
  });

  it("and answers in time serves what an engine reads while it ends", async () => {
    const { slow, answer } = slowStore();
    const lazy = await openLazy(slow);
    lazy.endSoon();
    const reading = lazy.readWhole("seg/00/b");
    clock.advance(LAZY_STOP_MS - 1);
    answer();
    expect(Buffer.from((await reading) ?? []).toString("utf8")).toBe("what is in seg/00/b");
    await lazy.stop();
    await lazy.stop();
  });
});
