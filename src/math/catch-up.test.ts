import { once } from "node:events";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { ArenaPool } from "./arena-pool.ts";
import { PAGE_BYTES, catchUp, createSharedMemory } from "./wasm.ts";
import type { SharedMemory } from "./wasm.ts";

/** A memory as a receiving thread can see it: short until it is asked to grow by nothing. */
class StaleMemory implements SharedMemory {
  readonly grown: number[] = [];
  readonly #memory = createSharedMemory(2, 4);
  #isStale = true;

  get buffer(): SharedArrayBuffer {
    return this.#isStale ? createSharedMemory(1, 1).buffer : this.#memory.buffer;
  }

  grow(pages: number): number {
    this.grown.push(pages);
    this.#isStale = false;
    return this.#memory.grow(pages);
  }
}

// Node 20 does not run `--import` hooks for the entry of a worker, so the loader is put before it.
const LOADER = new URL(
  "index.mjs",
  pathToFileURL(createRequire(import.meta.url).resolve("tsx/esm/api")),
).href;

const LISTENER = `
  import { parentPort } from "node:worker_threads";
  import { register } from ${JSON.stringify(LOADER)};
  register();
  const { catchUp } = await import(${JSON.stringify(new URL("./wasm.ts", import.meta.url).href)});
  let memory;
  parentPort.on("message", (message) => {
    if (typeof message !== "number") { memory = message; return; }
    catchUp(memory, message);
    parentPort.postMessage(memory.buffer.byteLength);
  });
  parentPort.postMessage("up");
`;

async function nextMessage(worker: Worker): Promise<unknown> {
  const [message] = (await once(worker, "message")) as [unknown];
  return message;
}

describe("a memory of another thread", () => {
  it("is looked at again when it seems too short, and only then", () => {
    const memory = new StaleMemory();
    catchUp(memory, PAGE_BYTES);
    expect(memory.grown).toEqual([]);
    catchUp(memory, 2 * PAGE_BYTES);
    expect(memory.grown).toEqual([0]);
    expect(memory.buffer.byteLength).toBe(2 * PAGE_BYTES);
  });

  it("that is shorter than promised is a broken invariant", () => {
    expect(() => {
      catchUp(new StaleMemory(), 3 * PAGE_BYTES);
    }).toThrow(expect.objectContaining({ code: "invariant_broken" }));
  });

  it("has its length there however it grows while it is handed over", async () => {
    const script = new URL(`data:text/javascript,${encodeURIComponent(LISTENER)}`);
    const worker = new Worker(script, { execArgv: [] });
    try {
      await nextMessage(worker);
      for (let round = 0; round < 600; round += 1) {
        const memory = createSharedMemory(1, 200);
        worker.postMessage(memory);
        for (let spin = 0; spin < (round % 60) * 400; spin += 1) Math.sqrt(spin);
        memory.grow(100);
        await new Promise(setImmediate);
        worker.postMessage(memory.buffer.byteLength);
        expect(await nextMessage(worker)).toBe(101 * PAGE_BYTES);
      }
    } finally {
      await worker.terminate();
    }
  });

  it("is told of when its first extent is there", () => {
    const pool = new ArenaPool({ bytesMax: 64 * PAGE_BYTES, stepBytes: 16 * PAGE_BYTES });
    const lengths: number[] = [];
    pool.onArena((_arena, memory) => lengths.push(memory.buffer.byteLength));
    pool.allocate(100);
    expect(lengths).toEqual([17 * PAGE_BYTES]);
  });

  it("is told of even when it cannot grow, for a later extent may lie in it", () => {
    const told: number[] = [];
    let isRefusing = true;
    const pool = new ArenaPool({
      bytesMax: 64 * PAGE_BYTES,
      stepBytes: PAGE_BYTES,
      createMemory: (initial, maximum) => {
        const memory = createSharedMemory(initial, Math.min(maximum, 64));
        return {
          get buffer() {
            return memory.buffer;
          },
          grow: (pages) => {
            if (isRefusing) throw new RangeError("no memory");
            return memory.grow(pages);
          },
        };
      },
    });
    pool.onArena((arena) => told.push(arena));
    expect(() => pool.allocate(100)).toThrow(expect.objectContaining({ code: "memory_exhausted" }));
    isRefusing = false;
    expect(pool.allocate(100).arena).toBe(0);
    expect(told).toEqual([0]);
  });
});
