/** Reads of a segment in an object store: what is read, and how many requests run at a time. */
import { expect, it } from "vitest";
import type { ObjectStore } from "../io/index.ts";
import { BlockCache } from "../storage/index.ts";
import { RemoteSource } from "./remote-source.ts";

const MIB = 1_048_576;
const PIECE_BYTES = 8 * MIB;
const SEGMENT = new Uint8Array(16).fill(3);

function byteAt(position: number): number {
  return (position * 31 + (position >>> 13)) & 0xff;
}

function expectedAt(position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  // Of megabytes: a loop takes a tenth of the time of an iteration.
  for (let i = 0; i < length; i++) bytes[i] = byteAt(position + i);
  return bytes;
}

interface Watched {
  readonly source: RemoteSource;
  /** Bytes of each request. */
  readonly requests: number[];
  most(): number;
}

/** @param cacheBytes what is kept of the blocks. */
function watch(bytes: number, cacheBytes: number): Watched {
  const requests: number[] = [];
  let running = 0;
  let most = 0;
  const get: ObjectStore["get"] = async (key, range) => {
    const piece = Number(key.split("-").at(-1));
    const { start, length } = range ?? { start: 0, length: 0 };
    requests.push(length);
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
    return expectedAt(piece * PIECE_BYTES + start, length);
  };
  const store = { get } as unknown as ObjectStore;
  const shelf = new BlockCache(cacheBytes).shelf("a");
  const location = { kind: "remote", bytes, prefix: "p/", offset: undefined } as const;
  const source = new RemoteSource({ open: () => Promise.resolve(store), shelf }, location, SEGMENT);
  return { source, requests, most: () => most };
}

it("pieces all over a large segment come right, some requests at a time", async () => {
  const { source, requests, most } = watch(100 * MIB + 77, 16 * MIB);
  const pieces = Array.from({ length: 90 }, (_, i) => ({
    position: ((i * 37) % 100) * MIB + MIB - 50,
    target: new Uint8Array(100),
  }));
  expect(await source.readMany(pieces)).toBe(90 * 100);
  for (const { position, target } of pieces) expect(target).toEqual(expectedAt(position, 100));
  // Each lies in two blocks, and neighbours come with one request.
  expect(most()).toBeGreaterThan(8);
  expect(most()).toBeLessThanOrEqual(64);
  expect(requests.length).toBeLessThan(180);
});

it("pieces beyond the end are short, those of a small segment come with one request", async () => {
  const { source, requests } = watch(3 * MIB + 5, 16 * MIB);
  const pieces = [0, 2 * MIB, 3 * MIB, 4 * MIB].map((position) => ({
    position,
    target: new Uint8Array(10),
  }));
  expect(await source.readMany(pieces)).toBe(10 + 10 + 5 + 0);
  expect(pieces[2]?.target.subarray(0, 5)).toEqual(expectedAt(3 * MIB, 5));
  expect(requests).toEqual([3 * MIB + 5]);
  const target = new Uint8Array(20);
  expect(await source.read(MIB - 10, target)).toBe(20);
  expect(target).toEqual(expectedAt(MIB - 10, 20));
});
