/** A catalogue store for tests, with a plain map beside it that says what it must hold. */
import { expect } from "vitest";
import type { FileSystem, SeededRandom } from "../io/index.ts";
import { BlockCache } from "./block-cache.ts";
import { SystemShard } from "./system-shard.ts";

export const FOLDER: string = "catalog";
export const EVERYTHING: { start: string; end: string; limit: number; startIsExclusive: boolean } =
  { start: "", end: "\xff\xff", limit: 1_000_000, startIsExclusive: false };

export function openStore(
  fileSystem: FileSystem,
  options: {
    readonly cacheBytes?: number;
    readonly mergeBytesMax?: number;
    readonly pause?: () => Promise<void>;
  } = {},
): Promise<SystemShard> {
  const { cacheBytes = 1 << 20, mergeBytesMax = 1 << 30 } = options;
  const { pause = (): Promise<void> => Promise.resolve() } = options;
  return SystemShard.open({
    fileSystem,
    folder: FOLDER,
    cache: new BlockCache(cacheBytes),
    pause,
    mergeBytesMax,
  });
}

export type Model = ReadonlyMap<string, string>;

/** One change: a key and its new value, undefined to delete it. */
export type Change = readonly [key: string, value: string | undefined];

export function randomChange(random: SeededRandom, keyCount: number, stamp: string): Change {
  const key = `k${String(random.below(keyCount)).padStart(6, "0")}`;
  if (random.below(4) === 0) return [key, undefined];
  return [key, `${stamp}:`.padEnd(random.below(300), "v")];
}

export function modelOf(changes: readonly Change[]): Model {
  const model = new Map<string, string>();
  for (const [key, value] of changes) {
    if (value === undefined) model.delete(key);
    else model.set(key, value);
  }
  return model;
}

export function applyChange(store: SystemShard, [key, value]: Change): void {
  if (value === undefined) store.delete(key);
  else store.put(key, Buffer.from(value));
}

export function sorted(model: Model): [string, string][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1));
}

export async function contentOf(
  store: SystemShard,
  range: Partial<typeof EVERYTHING> = {},
): Promise<[string, string][]> {
  const rows = await store.scan({ ...EVERYTHING, ...range });
  return rows.map(([key, value]) => [key, Buffer.from(value).toString()]);
}

export function position(number: number): Uint8Array {
  return Uint8Array.of(number >>> 16, number >>> 8, number);
}

export function numberOf(bytes: Uint8Array): number {
  const [a = 0, b = 0, c = 0] = bytes;
  return (a << 16) | (b << 8) | c;
}

export async function expectModel(store: SystemShard, model: Model, note = ""): Promise<void> {
  expect(await contentOf(store), note).toEqual(sorted(model));
}
