/**
 * What one writer knows of its index: the state every key was acknowledged to have, and the one
 * operation whose outcome a kill left open. Lives outside the server, so a kill cannot touch it.
 */
import { createHash } from "node:crypto";
import type { Chance } from "../support/chance.ts";

/** Version of a key's record; null: there is none. */
export type KeyState = number | null;

export interface StoredRecord {
  readonly key: string;
  readonly metadata: { readonly batch: string; readonly version: number; readonly hash: string };
  readonly data?: { readonly float32: readonly number[] };
}

export interface Operation {
  readonly kind: "put" | "delete";
  readonly batch: string;
  /** New state of each key touched. */
  readonly states: ReadonlyMap<string, KeyState>;
}

export class Ledger {
  readonly index: string;
  readonly dimension: number;
  readonly #keyCount: number;
  readonly #batchMax: number;
  readonly #chance: Chance;
  readonly #states = new Map<string, KeyState>();
  readonly #batches = new Map<string, string>();
  #version = 0;
  /** Sent and not answered. */
  open: Operation | undefined;
  acknowledgedCount = 0;
  unknownCount = 0;

  constructor(
    shape: {
      readonly index: string;
      readonly dimension: number;
      readonly keyCount: number;
      readonly batchMax: number;
    },
    chance: Chance,
  ) {
    this.index = shape.index;
    this.dimension = shape.dimension;
    this.#keyCount = shape.keyCount;
    this.#batchMax = shape.batchMax;
    this.#chance = chance;
  }

  /** The next operation; the caller sends it and says how it ended. */
  next(): Operation {
    const kind = this.#chance.isLikely(0.2) ? "delete" : "put";
    const count = this.#chance.between(1, kind === "put" ? this.#batchMax : 10);
    const states = new Map<string, KeyState>();
    for (let i = 0; i < count; i++) {
      const key = `r${this.#chance.between(0, this.#keyCount - 1)}`;
      states.set(key, kind === "put" ? ++this.#version : null);
    }
    const batch = `${this.index}-${++this.#version}`;
    this.open = { kind, batch, states };
    return this.open;
  }

  acknowledge(): void {
    if (this.open !== undefined) this.#settle(this.open);
    this.open = undefined;
    this.acknowledgedCount++;
  }

  record(key: string, version: number, batch: string): StoredRecord {
    const values = this.vector(key, version);
    return { key, metadata: { batch, version, hash: hashOf(values) }, data: { float32: values } };
  }

  /** A function of key and version, in exact float32 values; no two records share one. */
  vector(key: string, version: number): readonly number[] {
    const digest = createHash("sha256").update(`${this.index}/${key}/${version}`).digest();
    return Array.from({ length: this.dimension }, (_, i) =>
      Math.fround(((digest[i % 32] ?? 0) - 128 + ((i * 37) % 11)) / 64 + version / 4_096),
    );
  }

  /**
   * Compares with everything the server holds after a kill; the open operation must be there as a
   * whole or not at all.
   *
   * @returns what is wrong, empty when nothing is.
   */
  judge(found: readonly StoredRecord[]): readonly string[] {
    const faults: string[] = [];
    const actual = new Map(found.map((record) => [record.key, record]));
    if (this.open !== undefined) {
      this.unknownCount++;
      const isApplied = wholeness(
        this.open,
        (key) => actual.get(key)?.metadata.version ?? null,
        (key) => this.#states.get(key) ?? null,
      );
      if (isApplied === "torn") faults.push(`batch ${this.open.batch} is there in part`);
      if (isApplied === "applied") this.#settle(this.open);
      this.open = undefined;
    }
    for (const [key, state] of this.#states) {
      const record = actual.get(key);
      if ((record?.metadata.version ?? null) !== state) {
        const version = record?.metadata.version ?? "none";
        faults.push(`${this.index}/${key}: expected version ${state ?? "none"}, found ${version}`);
      } else if (record !== undefined && state !== null) {
        if (record.metadata.batch !== this.#batches.get(key)) faults.push(`${key}: another batch`);
        faults.push(...this.#judgeContent(record, state));
      }
    }
    for (const key of actual.keys()) {
      if (!this.#states.has(key)) faults.push(`${this.index}/${key} was never acknowledged`);
    }
    return faults;
  }

  /** Live keys with their versions. */
  live(): readonly { readonly key: string; readonly version: number; readonly batch: string }[] {
    return [...this.#states].flatMap(([key, version]) =>
      version === null ? [] : [{ key, version, batch: this.#batches.get(key) ?? "" }],
    );
  }

  #judgeContent({ key, data, metadata }: StoredRecord, version: number): readonly string[] {
    const expected = this.vector(key, version);
    if (metadata.hash !== hashOf(expected)) return [`${this.index}/${key}: metadata differ`];
    if (data === undefined) return [];
    // Answers give the shortest decimal of a float32.
    const isSame = data.float32.every((value, i) => Math.fround(value) === expected[i]);
    return isSame && data.float32.length === expected.length ? [] : [`${key}: the vector differs`];
  }

  #settle(operation: Operation): void {
    for (const [key, state] of operation.states) {
      this.#states.set(key, state);
      this.#batches.set(key, operation.batch);
    }
  }
}

function wholeness(
  operation: Operation,
  now: (key: string) => KeyState,
  before: (key: string) => KeyState,
): "applied" | "absent" | "torn" {
  const keys = [...operation.states.keys()];
  if (keys.every((key) => now(key) === operation.states.get(key))) return "applied";
  return keys.every((key) => now(key) === before(key)) ? "absent" : "torn";
}

function hashOf(values: readonly number[]): string {
  return createHash("sha256").update(Float32Array.from(values)).digest("hex").slice(0, 16);
}
