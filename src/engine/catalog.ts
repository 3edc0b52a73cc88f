/**
 * The catalogue: rows of the system shard, made durable by the node log like any tenant's data.
 *
 * A change is one frame of the system shard; it is applied when it is durable. Rows that change
 * with every write (shard states, totals) live decoded while somebody uses them, change in place
 * when a frame is durable, and are encoded when the catalogue is flushed. After a crash the log is
 * read from the position the last flush had reached: each frame is applied unless its sequence
 * number says that the row has it already.
 *
 * INVARIANT: a flush takes its position, encodes the live rows and freezes the memtable in one turn
 * of
 * the event loop, in which every frame up to that position has been applied.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { toHex, toShardUid, type ShardUid } from "../base/brands.ts";
import { assert, isInsulaError } from "../base/errors.ts";
import type { Clock } from "../io/index.ts";
import {
  decodeShardSizes,
  decodeShardState,
  encodeShardState,
  newShardState,
  type FrameEffect,
  type ShardSizes,
  type ShardState,
} from "../shard/index.ts";
import {
  logFilePath,
  type LogEntry,
  type LogExtent,
  type LogPosition,
  type NodeLog,
  type SystemShard,
} from "../storage/index.ts";
import { decodeChanges, encodeChanges, type CatalogChange } from "./catalog-commit.ts";
import {
  QUARANTINED_KEY,
  counterKey,
  shardKey,
  totalsKey,
  type EncodedKey,
} from "./catalog-keys.ts";
import { decodeTotals, encodeTotals, type TotalsRow } from "./catalog-rows.ts";
import { garbageChanges } from "./garbage-rows.ts";
import { LiveRows } from "./live-rows.ts";

/** ON DISK: kinds of frames. Data kinds are the shard's: 2 data, 3 reset. */
export const FRAME_CATALOG = 1;
const FRAME_DATA_RESET = 3;
/** The system shard's own uid: all zeros. */
export const SYSTEM_UID: ShardUid = toShardUid(new Uint8Array(16));
/** The catalogue is flushed when its memtable holds this much. */
const FLUSH_BYTES = 16 * 1024 * 1024;
/** Or when this many live rows have changed: encoding them must stay a short slice. */
const FLUSH_LIVE_ROWS = 20_000;
const KEY_SLOT_KEY = counterKey("key slot");

export class Catalog {
  readonly #rows: SystemShard;
  readonly #clock: Clock;
  readonly #shards: LiveRows<ShardState>;
  readonly #totals: LiveRows<TotalsRow>;
  #log: NodeLog | undefined;
  /** Of the newest frame appended, and of the newest applied. */
  #sequence: number;
  #applied: number;
  #flushing: Promise<void> | undefined;
  /** Highest key slot in use, as far as it is known and as far as it is in a row. */
  #slotLast = 0;
  #slotWritten = 0;

  /** @param appliedSequence of the system shard, as stored with its last flush. */
  constructor(rows: SystemShard, clock: Clock) {
    this.#rows = rows;
    this.#clock = clock;
    const { sequence } = decodePosition(rows.appliedPosition);
    this.#sequence = sequence;
    this.#applied = sequence;
    this.#shards = new LiveRows(rows, encodeShardState, (key, bytes) =>
      decodeShardState(uidOf(key), bytes),
    );
    this.#totals = new LiveRows(rows, encodeTotals, (_, bytes) => decodeTotals(bytes));
  }

  /** Where the log must be read from to bring the catalogue up to date. */
  get recoverFrom(): LogPosition {
    return decodePosition(this.#rows.appliedPosition).log;
  }

  /** Call when the log is open; before, only {@link Catalog.recover} may be used. */
  attach(log: NodeLog): void {
    this.#log = log;
  }

  /** Applies one frame found in the log at a start. */
  async recover(entry: LogEntry): Promise<void> {
    if (entry.kind === FRAME_CATALOG) {
      if (entry.sequenceLast <= this.#applied) return;
      const changes = decodeChanges(await entry.payload());
      await this.#load(changes);
      this.#apply(changes, entry.sequenceLast);
      this.#sequence = Math.max(this.#sequence, entry.sequenceLast);
    } else {
      const key = shardKey(toShardUid(entry.shard));
      const state = await this.#shards.acquire(key);
      // No row: the shard was dropped later in the log or before; its frames are nobody's.
      if (state === undefined) return;
      if (entry.isMoved) {
        const isNamed = this.noteMoved(state, entry.sequenceLast, entry.extent);
        if (isNamed && entry.isDamaged) await this.#quarantineFrame(state, entry.extent);
      } else if (entry.sequenceLast > state.sequence) {
        await this.#totals.acquire(totalsKey(state.collectionNumber));
        if (entry.isDamaged) await this.#quarantineFrame(state, entry.extent);
        this.noteFrame(state, {
          sequence: entry.sequenceLast,
          rows: entry.netRows,
          bytes: entry.netBytes,
          extent: entry.extent,
          isReset: entry.kind === FRAME_DATA_RESET,
        });
        this.#totals.release(totalsKey(state.collectionNumber));
      }
      this.#shards.release(key);
    }
    if (this.#shards.size > FLUSH_LIVE_ROWS) this.#writeBack();
  }

  get(key: EncodedKey): Promise<Uint8Array | undefined> {
    return this.#rows.get(key);
  }

  scan(range: {
    readonly start: EncodedKey;
    readonly end: EncodedKey;
    readonly limit: number;
    readonly startIsExclusive?: boolean;
  }): Promise<readonly (readonly [EncodedKey, Uint8Array])[]> {
    return this.#rows.scan({ startIsExclusive: false, ...range });
  }

  /** Durable and visible when the promise resolves. */
  async commit(changes: readonly CatalogChange[]): Promise<void> {
    assert(this.#log !== undefined, "the log is open");
    await this.#load(changes);
    const sequence = ++this.#sequence;
    try {
      await this.#log.append({
        shard: SYSTEM_UID,
        kind: FRAME_CATALOG,
        sequenceFirst: sequence,
        sequenceLast: sequence,
        netRows: 0,
        netBytes: 0,
        isSealed: false,
        parts: [encodeChanges(changes)],
      });
    } catch (error) {
      this.#unload(changes);
      throw error;
    }
    this.#apply(changes, sequence);
    this.#flushIfDue();
  }

  /** Puts a row in memory only: durable with the next flush, no loss when it is not. */
  note(key: EncodedKey, value: Uint8Array): void {
    this.#rows.put(key, value);
  }

  /**
   * Removes a row in memory only: durable with the next flush, harmless to find again after a
   * crash.
   */
  forget(key: EncodedKey): void {
    this.#rows.delete(key);
  }

  /**
   * The live state of a shard, for as long as it is awake; undefined when there is no such shard.
   */
  async acquireShard(uid: ShardUid): Promise<ShardState | undefined> {
    const state = await this.#shards.acquire(shardKey(uid));
    if (state !== undefined) await this.#totals.acquire(totalsKey(state.collectionNumber));
    return state;
  }

  releaseShard(state: ShardState): void {
    this.#totals.release(totalsKey(state.collectionNumber));
    this.#shards.release(shardKey(state.uid));
  }

  /** A copy of what a shard's row says now, awake or not. */
  readShard(uid: ShardUid): Promise<ShardState | undefined> {
    return this.#shards.read(shardKey(uid));
  }

  /** Of a shard among very many that are looked at: no row is kept in memory for it. */
  readShardSizes(uid: ShardUid): Promise<ShardSizes | undefined> {
    const part = ({ rowCount, byteCount }: ShardState): ShardSizes => ({ rowCount, byteCount });
    return this.#shards.look(shardKey(uid), part, decodeShardSizes);
  }

  /** A row that changes with every write, held live for good: the totals of the node. */
  async holdTotals(key: EncodedKey): Promise<TotalsRow> {
    return (await this.#totals.acquire(key)) ?? this.#totals.liveOr(key, NO_TOTALS);
  }

  readTotals(key: EncodedKey): Promise<TotalsRow | undefined> {
    return this.#totals.read(key);
  }

  /** A data frame of an acquired shard is durable. */
  noteFrame(state: ShardState, frame: FrameEffect): void {
    // Dropped while the frame was on its way: a recovery would not find the row either.
    if (this.#shards.live(shardKey(state.uid)) !== state) return;
    state.sequence = frame.sequence;
    state.rowCount += frame.rows;
    state.byteCount += frame.bytes;
    if (frame.isReset) {
      // Packs' dead bytes are counted with the next change: their rows may not be loaded here.
      for (const change of state.segments.flatMap(garbageChanges)) {
        if (change.kind === "put") this.#applyOne(change);
      }
      state.segments = [];
      state.tail = [];
      state.flushedSequence = frame.sequence;
    } else {
      const { file, offset, length, crc } = frame.extent;
      state.tail.push({ file, offset, length, crc, sequenceLast: frame.sequence });
    }
    this.#shards.touch(shardKey(state.uid));
    const key = totalsKey(state.collectionNumber);
    const totals = this.#totals.live(key);
    if (totals !== undefined) {
      totals.rowCount += frame.rows;
      totals.byteCount += frame.bytes;
      this.#totals.touch(key);
    }
    this.#flushIfDue();
  }

  /**
   * A frame of an acquired shard lies somewhere else now too, and is read there from now on.
   *
   * @returns false when the tail names no such frame any more: it was flushed, reset or dropped.
   */
  noteMoved(state: ShardState, sequenceLast: number, extent: LogExtent): boolean {
    if (this.#shards.live(shardKey(state.uid)) !== state) return false;
    const at = state.tail.findIndex((known) => known.sequenceLast === sequenceLast);
    if (at < 0) return false;
    const { file, offset, length, crc } = extent;
    state.tail[at] = { file, offset, length, crc, sequenceLast };
    this.#shards.touch(shardKey(state.uid));
    return true;
  }

  /** The first key slot that no shard and no collection ever had. */
  async slotNext(): Promise<number> {
    const bytes = await this.#rows.get(KEY_SLOT_KEY);
    if (bytes !== undefined) this.#noteSlot(new ByteReader(bytes).varint());
    return this.#slotLast + 1;
  }

  /** Writes the catalogue to a sorted table; the log before is needed only for tails afterwards. */
  async flush(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    this.#flushing = this.#flushOnce().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  async #flushOnce(): Promise<void> {
    assert(this.#log !== undefined, "the log is open");
    // A new turn: the continuations of every append that has resolved have run.
    await this.#clock.yield();
    const position = encodePosition({ log: this.#log.position, sequence: this.#applied });
    this.#writeBack();
    await this.#rows.flush(position);
    try {
      await this.#rows.compactIfNeeded();
    } catch (error) {
      // The flush itself is done: tables that cannot be merged are read one by one as before, and
      // the damage is told by whoever reads the rows, and by the scrub.
      if (!isInsulaError(error) || error.code !== "data_damaged") throw error;
    }
  }

  #noteSlot(slot: number): void {
    this.#slotLast = Math.max(this.#slotLast, slot);
  }

  #writeBack(): void {
    // A slot of a frame is noted before the table that holds the frame's effect is written.
    if (this.#slotLast > this.#slotWritten) {
      this.#slotWritten = this.#slotLast;
      this.#rows.put(KEY_SLOT_KEY, new ByteWriter(8).varint(this.#slotLast).finish());
    }
    this.#shards.writeBack();
    this.#totals.writeBack();
  }

  #flushIfDue(): void {
    const isDue =
      this.#rows.memtableBytes > FLUSH_BYTES || this.#shards.dirtyCount > FLUSH_LIVE_ROWS;
    if (!isDue || this.#flushing !== undefined) return;
    // A failure leaves everything in the log; the next change tries again.
    this.flush().catch(() => undefined);
  }

  /** Rows that deltas apply to must be live before the frame is written: applying does not wait. */
  async #load(changes: readonly CatalogChange[]): Promise<void> {
    for (const change of changes) {
      if (change.kind === "totals") await this.#totals.acquire(change.key);
      else if (change.kind === "manifest") await this.#shards.acquire(shardKey(change.shard));
      else if (change.kind === "quarantine") {
        await this.#totals.acquire(QUARANTINED_KEY);
        await this.#shards.acquire(shardKey(change.shard));
      } else if (change.kind === "drop-shard") {
        await this.#totals.acquire(QUARANTINED_KEY);
        await this.acquireShard(change.shard);
      }
    }
  }

  #unload(changes: readonly CatalogChange[]): void {
    for (const change of changes) {
      if (change.kind === "totals") this.#totals.release(change.key);
      else if (change.kind === "manifest") this.#shards.release(shardKey(change.shard));
      else if (change.kind === "quarantine") {
        this.#totals.release(QUARANTINED_KEY);
        this.#shards.release(shardKey(change.shard));
      } else if (change.kind === "drop-shard") {
        this.#totals.release(QUARANTINED_KEY);
        const state = this.#shards.live(shardKey(change.shard));
        if (state !== undefined) this.releaseShard(state);
      }
    }
  }

  #apply(changes: readonly CatalogChange[], sequence: number): void {
    // Frames are applied in the order they were appended: append promises resolve in that order.
    this.#applied = Math.max(this.#applied, sequence);
    for (const change of changes) this.#applyOne(change);
  }

  #applyOne(change: CatalogChange): void {
    switch (change.kind) {
      case "put":
        this.#rows.put(change.key, change.value);
        return;
      case "delete":
        this.#rows.delete(change.key);
        return;
      case "totals": {
        const totals = this.#totals.liveOr(change.key, NO_TOTALS);
        totals.rowCount += change.rows;
        totals.byteCount += change.bytes;
        totals.childCount += change.children;
        this.#totals.touch(change.key);
        this.#totals.release(change.key);
        return;
      }
      case "drop-totals":
        this.#totals.forget(change.key);
        this.#rows.delete(change.key);
        return;
      case "manifest": {
        const key = shardKey(change.shard);
        const state = this.#shards.live(key);
        if (state !== undefined) {
          const removed = new Set(change.removed.map(toHex));
          const kept = state.segments.filter(({ uid }) => !removed.has(toHex(uid)));
          state.segments = [...kept, ...change.added];
          state.flushedSequence = Math.max(state.flushedSequence, change.flushedSequence);
          state.tail = state.tail.filter((extent) => extent.sequenceLast > state.flushedSequence);
          this.#shards.touch(key);
        }
        this.#shards.release(key);
        return;
      }
      case "new-shard":
        this.#rows.put(
          shardKey(change.shard),
          encodeShardState(newShardState(change.shard, change.collectionNumber, change.keySlot)),
        );
        this.#noteSlot(change.keySlot);
        return;
      case "key-slot":
        this.#noteSlot(change.slot);
        return;
      case "drop-shard":
        this.#dropShard(change.shard);
        return;
      case "quarantine": {
        const key = shardKey(change.shard);
        const state = this.#shards.live(key);
        if (state === undefined) this.#totals.release(QUARANTINED_KEY);
        else this.#quarantine(state, change.reason);
        this.#shards.release(key);
        return;
      }
    }
  }

  async #quarantineFrame(state: ShardState, { file, offset }: LogExtent): Promise<void> {
    await this.#totals.acquire(QUARANTINED_KEY);
    const place = `${logFilePath("log", file)}, offset ${String(offset)}`;
    this.#quarantine(state, `${place}: a frame does not match its checksum`);
  }

  /** Out of service from here on; counted once. The count is acquired, and released here. */
  #quarantine(state: ShardState, reason: string): void {
    if (state.quarantine === "") this.#countQuarantined(1);
    else this.#totals.release(QUARANTINED_KEY);
    state.quarantine = reason;
    this.#shards.touch(shardKey(state.uid));
  }

  #countQuarantined(step: 1 | -1): void {
    const totals = this.#totals.liveOr(QUARANTINED_KEY, NO_TOTALS);
    // A folder from before there was a count may have more of them than the count says.
    totals.childCount = Math.max(0, totals.childCount + step);
    this.#totals.touch(QUARANTINED_KEY);
    this.#totals.release(QUARANTINED_KEY);
  }

  /**
   * The totals lose what the shard has at this place in the log, so that a recovery finds the same.
   */
  #dropShard(shard: ShardUid): void {
    const key = shardKey(shard);
    const state = this.#shards.live(key);
    if (state !== undefined) {
      const owner = totalsKey(state.collectionNumber);
      const totals = this.#totals.live(owner);
      if (totals !== undefined) {
        totals.rowCount -= state.rowCount;
        totals.byteCount -= state.byteCount;
        this.#totals.touch(owner);
      }
      this.#totals.release(owner);
    }
    if (state !== undefined && state.quarantine !== "") this.#countQuarantined(-1);
    else this.#totals.release(QUARANTINED_KEY);
    this.#shards.forget(key);
    this.#rows.delete(key);
  }
}

const NO_TOTALS = (): TotalsRow => ({ rowCount: 0, byteCount: 0, childCount: 0 });

interface AppliedPosition {
  readonly log: LogPosition;
  readonly sequence: number;
}

function encodePosition({ log, sequence }: AppliedPosition): Uint8Array {
  return new ByteWriter(32).varint(log.file).varint(log.offset).varint(sequence).finish();
}

function decodePosition(bytes: Uint8Array): AppliedPosition {
  if (bytes.length === 0) return { log: { file: 0, offset: 0 }, sequence: 0 };
  const reader = new ByteReader(bytes);
  return { log: { file: reader.varint(), offset: reader.varint() }, sequence: reader.varint() };
}

function uidOf(key: EncodedKey): ShardUid {
  return toShardUid(Uint8Array.from(Buffer.from(key.slice(1), "latin1")));
}
