/**
 * What one group of writes will do: each key resolved to the row it replaces, so that the frame can
 * say its exact net rows and bytes before anything is written.
 *
 * Keys that an earlier write of the same group has touched are looked up in the plan, not in the
 * shard.
 */
import { assert, InsulaError } from "../base/errors.ts";
import { scanSteps, type Pace } from "../base/pace.ts";
import { SPARSE_VALUE_BYTES } from "../model/index.ts";
import { addDeadRow } from "./dead-rows.ts";
import type { Operation, UpsertOperation } from "./frame-codec.ts";
import type { RowPlace, ShardStructure } from "./shard-structure.ts";
import type { WriteResult } from "./write-result.ts";

/** Of a key that is looked for, and of a record that is counted and noted. */
const KEY_STEPS = 48;
/** Records that are staged without looking at the pace, and what one costs besides its vectors. */
const STAGED_RECORDS = 64;
const STAGE_STEPS = 32;

/** One write as the shard takes it: checked against the schema, metadata encoded. */
export type ShardWrite = Operation & {
  /** Refuse the write when a key is taken (`insert`). */
  readonly refusesExisting?: boolean;
  /** What the shard may hold after a write that makes it larger. */
  readonly quota?: ShardQuota | undefined;
};

/** Each absent one is no bound. */
export interface ShardQuota {
  readonly storedRecords?: number;
  readonly storedBytes?: number;
}

interface Touched {
  readonly exists: boolean;
  readonly bytes: number;
}

export class GroupPlan {
  readonly operations: Operation[] = [];
  netRows = 0;
  netBytes = 0;
  rowsAppended = 0;
  payloadBytes = 0;
  isReset = false;
  readonly #structure: ShardStructure;
  readonly #pace: Pace;
  readonly #touched = new Map<string, Touched>();
  /** Where keys live before the group, for those it touches. */
  readonly #places = new Map<string, RowPlace>();

  /** @param pace of all that may be done in slices. */
  constructor(structure: ShardStructure, pace: Pace) {
    this.#structure = structure;
    this.#pace = pace;
  }

  get isEmpty(): boolean {
    return this.operations.length === 0;
  }

  /**
   * Resolves one write and adds it. On an error the plan is as before.
   *
   * @throws InsulaError `record_exists` for an insert of a taken key; damage met while reading
   *   keys.
   */
  async add(write: ShardWrite): Promise<WriteResult> {
    switch (write.kind) {
      case "upsert":
        return this.#addUpsert(write);
      case "delete":
        return this.#addDelete(write.keys);
      case "delete-all":
        return this.#addReset();
    }
  }

  /**
   * Copies what the group brings behind the rows of the memtable, which has room for it, where
   * nobody sees it.
   */
  async stage(): Promise<void> {
    const { active } = this.#structure;
    for (const operation of this.operations) {
      if (operation.kind !== "upsert") continue;
      const { keys, vectors } = operation;
      let rowBytes = 0;
      for (const { dimension } of vectors) rowBytes += dimension * 4;
      const steps = STAGE_STEPS + scanSteps(rowBytes);
      for (let first = 0; first < keys.length; first += STAGED_RECORDS) {
        const end = Math.min(first + STAGED_RECORDS, keys.length);
        const wanted = (end - first) * steps;
        if (!this.#pace.fits(wanted)) await this.#pace.take(wanted);
        active.stage(operation, first, end);
      }
    }
  }

  /** The log refused the group: what was staged is gone. */
  unstage(): void {
    this.#structure.active.unstage();
  }

  /** Applies the durable, staged group without awaiting: readers see all of it or nothing. */
  apply(sequence: number): void {
    const { active } = this.#structure;
    if (this.isReset) {
      this.#structure.reset();
      this.#structure.active.sequence = sequence;
      return;
    }
    for (const operation of this.operations) {
      if (operation.kind === "delete-all") continue;
      for (let i = 0; i < operation.keys.length; i++) {
        const key = operation.keys[i];
        assert(key !== undefined, "a key for every row");
        this.#kill(key);
        if (operation.kind === "upsert") active.show();
      }
    }
    active.sequence = sequence;
  }

  #kill(key: string): void {
    const { active } = this.#structure;
    const row = active.rowOf(key);
    const place = this.#places.get(key);
    // The place from before the group is used up by the first operation on the key, whichever it
    // is.
    this.#places.delete(key);
    if (row !== undefined) {
      active.kill(row);
      return;
    }
    if (place === undefined) return;
    if (place.kind === "memtable") place.memtable.kill(place.row);
    else if (place.segment.kill(place.row)) {
      addDeadRow(active.deadElsewhere, place.segment.id, place.row);
    }
  }

  async #addUpsert(write: ShardWrite & UpsertOperation): Promise<WriteResult> {
    const { refusesExisting = false, quota } = write;
    const before = await this.#resolve(write.keys);
    let replaced = 0;
    let bytes = 0;
    for (let i = 0; i < write.keys.length; i++) {
      if (!this.#pace.fits(KEY_STEPS)) await this.#pace.take(KEY_STEPS);
      const old = before[i];
      assert(old !== undefined, "every key is resolved");
      if (old.exists && refusesExisting) {
        throw new InsulaError("record_exists", "Cannot insert the batch: a key is taken.", {
          details: { position: i },
        });
      }
      if (old.exists) replaced++;
      bytes += bytesOfRecord(write, i) - old.bytes;
    }
    if (quota !== undefined) this.#checkQuota(quota, write.keys.length - replaced, bytes);
    for (let i = 0; i < write.keys.length; i++) {
      if (!this.#pace.fits(KEY_STEPS)) await this.#pace.take(KEY_STEPS);
      const key = write.keys[i] ?? "";
      const own = bytesOfRecord(write, i);
      this.#touched.set(key, { exists: true, bytes: own });
      this.payloadBytes += own;
    }
    this.operations.push(write);
    this.rowsAppended += write.keys.length;
    this.netRows += write.keys.length - replaced;
    this.netBytes += bytes;
    return { rowsAdded: write.keys.length - replaced, rowsReplaced: replaced };
  }

  /** With what the group does before this write. */
  #checkQuota({ storedRecords, storedBytes }: ShardQuota, rows: number, bytes: number): void {
    const { rowCount, byteCount } = this.#structure.state;
    if (storedRecords !== undefined && rows > 0 && rowCount + this.netRows + rows > storedRecords) {
      throw new InsulaError(
        "record_quota_exceeded",
        `Cannot write: expected at most ${String(storedRecords)} records here.`,
        { details: { limit: "storedRecords", value: storedRecords } },
      );
    }
    if (storedBytes !== undefined && bytes > 0 && byteCount + this.netBytes + bytes > storedBytes) {
      throw new InsulaError(
        "storage_quota_exceeded",
        `Cannot write: expected at most ${String(storedBytes)} bytes of records here.`,
        { details: { limit: "storedBytes", value: storedBytes } },
      );
    }
  }

  async #addDelete(keys: readonly string[]): Promise<WriteResult> {
    const before = await this.#resolve(keys);
    const present = keys.filter((_, i) => before[i]?.exists === true);
    if (present.length === 0) return { rowsAdded: 0, rowsReplaced: 0 };
    const bytes = before.reduce((sum, old) => sum + old.bytes, 0);
    for (const key of present) this.#touched.set(key, { exists: false, bytes: 0 });
    this.operations.push({ kind: "delete", keys: present });
    this.payloadBytes += present.length * 16;
    this.netRows -= present.length;
    this.netBytes -= bytes;
    return { rowsAdded: -present.length, rowsReplaced: present.length };
  }

  #addReset(): WriteResult {
    const { rowCount, byteCount } = this.#structure.state;
    if (rowCount === 0 && this.#structure.isBlank) return { rowsAdded: 0, rowsReplaced: 0 };
    this.operations.push({ kind: "delete-all" });
    this.isReset = true;
    this.netRows = 0 - rowCount;
    this.netBytes = 0 - byteCount;
    return { rowsAdded: 0 - rowCount, rowsReplaced: rowCount };
  }

  async #resolve(keys: readonly string[]): Promise<Touched[]> {
    const found: Touched[] = [];
    for (const key of keys) {
      if (!this.#pace.fits(KEY_STEPS)) await this.#pace.take(KEY_STEPS);
      const touched = this.#touched.get(key);
      if (touched !== undefined) {
        found.push(touched);
        continue;
      }
      const maybe = this.#structure.locate(key);
      const place = maybe instanceof Promise ? await maybe : maybe;
      if (place === undefined) found.push(ABSENT);
      else {
        this.#places.set(key, place);
        found.push({ exists: true, bytes: place.bytes });
      }
    }
    return found;
  }
}

/** As counted in totals: key, metadata and vectors. */
function bytesOfRecord(
  { keys, metadata, vectors, sparse = [] }: UpsertOperation,
  i: number,
): number {
  let bytes = Buffer.byteLength(keys[i] ?? "") + (metadata[i]?.length ?? 0);
  for (const { dimension } of vectors) bytes += dimension * 4;
  for (const { starts } of sparse) {
    bytes += ((starts[i + 1] ?? 0) - (starts[i] ?? 0)) * SPARSE_VALUE_BYTES;
  }
  return bytes;
}

const ABSENT: Touched = { exists: false, bytes: 0 };
