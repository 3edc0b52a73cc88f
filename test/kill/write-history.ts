/** What was written to one index, in order, so that a state can be found in it. */
import { Chance } from "../support/chance.ts";

const KEYS = 200;
const BATCH_MAX = 20;

interface Write {
  readonly keys: readonly string[];
  /** Number of the write: what its records carry. */
  readonly version: number;
  /** Undefined while nobody knows. */
  ackAtMs: number | undefined;
}

export interface HistoryVerdict {
  readonly faults: readonly string[];
  /** Age of the oldest acknowledged write that is missing, when the machine was lost. */
  readonly lostMs: number;
}

export class WriteHistory {
  readonly name: string;
  readonly #chance: Chance;
  #writes: Write[] = [];
  #version = 0;
  acknowledged = 0;

  constructor(name: string, seed: number) {
    this.name = name;
    this.#chance = new Chance(seed);
  }

  next(): Write {
    const count = this.#chance.between(1, BATCH_MAX);
    const keys = new Set(
      Array.from({ length: count }, () => `k${String(this.#chance.between(0, KEYS - 1))}`),
    );
    const write = { keys: [...keys], version: ++this.#version, ackAtMs: undefined };
    this.#writes.push(write);
    return write;
  }

  /** Of the last write. */
  acknowledge(atMs: number): void {
    const last = this.#writes.at(-1);
    if (last === undefined) throw new Error("a write was begun");
    last.ackAtMs = atMs;
    this.acknowledged++;
  }

  /**
   * Compares what is there with the state after the newest write that shows. From here on the
   * history is the one that came back.
   *
   * @param found versions by key; -1: the vector is not the version's
   */
  judge(found: ReadonlyMap<string, number>, lostAtMs: number): HistoryVerdict {
    const newest = Math.max(0, ...found.values());
    const kept = this.#writes.filter(({ version }) => version <= newest);
    const expected = new Map<string, number>();
    for (const { keys, version } of kept) for (const key of keys) expected.set(key, version);
    const faults: string[] = [];
    for (const key of new Set([...expected.keys(), ...found.keys()])) {
      const [is, should] = [found.get(key), expected.get(key)];
      if (is === should) continue;
      faults.push(`${this.name}/${key} is of write ${String(is)}, not ${String(should)}`);
    }
    const missing = this.#writes.find(
      ({ version, ackAtMs }) => version > newest && ackAtMs !== undefined,
    );
    this.#writes = kept;
    return { faults, lostMs: missing?.ackAtMs === undefined ? 0 : lostAtMs - missing.ackAtMs };
  }
}
