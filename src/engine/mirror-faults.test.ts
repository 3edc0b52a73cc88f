/** A mirror whose store or disk fails, waits or answers late goes on, and gives back the truth. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryFileSystem } from "../io/index.ts";
import { HookedStore, MirrorBench, put, turns } from "../../test/support/mirror-bench.ts";

let bench: MirrorBench;

beforeEach(() => {
  bench = new MirrorBench();
});

afterEach(async () => {
  await bench.end();
});

describe("points asked for at once", () => {
  it("are made one after the other, and the last holds everything", async () => {
    const slow = new HookedStore(bench.store, () => turns(3));
    const engine = await bench.begin(new MemoryFileSystem(), { store: slow, intervalMs: 10 });
    const syncs: Promise<void>[] = [];
    for (let i = 0; i < 20; i++) {
      await put(engine, "acme", 1, i);
      syncs.push(engine.syncMirror());
      bench.clock.advance(6);
      await turns(i % 5);
    }
    await Promise.all(syncs);
    expect(bench.faults).toEqual([]);
    expect((await bench.readBack(["acme"]))["acme"]).toHaveLength(20);
  });
});
