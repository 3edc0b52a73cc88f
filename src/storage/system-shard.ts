/**
 * The store of the catalogue: a log-structured merge of sorted tables under one memtable.
 *
 * Durability is the node log's: `put` and `delete` change memory only; a flush writes the memtable
 * to a table together with the caller's log position, and what lies behind that position in the log
 * is applied again at the next start. `MANIFEST` names the tables and is replaced as a whole, so a
 * crash leaves the old state or the new one. Nothing here grows with the rows but the tables'
 * fences (about 2 bytes a row of 190 bytes) and filters (10 bits a row).
 *
 * INVARIANTS: every change at or before the recorded position is in the tables. The number of a
 * table is recorded as taken before a file of that number is made, so no number names two files.
 */
import { assert } from "../base/errors.ts";
import type { FileSystem } from "../io/index.ts";
import type { BlockCache } from "./block-cache.ts";
import { mergeRows } from "./merge-rows.ts";
import { SortedMap } from "./sorted-map.ts";
import { tablePath, type EncodedKey, type TableRow } from "./sorted-table-format.ts";
import { SortedTableWriter } from "./sorted-table-writer.ts";
import { SortedTable } from "./sorted-table.ts";
import {
  encodeManifest,
  manifestPath,
  openManifest,
  writeManifest,
  type SystemManifest,
} from "./system-manifest.ts";

/** Bytes of a key. Source: two names of 512 bytes with room for what they are wrapped in. */
export const SYSTEM_KEY_BYTES_MAX = 8_192;
/**
 * Bytes of a value. Source: a shard's row lists its frames in the log, 20 bytes each; a memtable of
 * 16 MiB filled by single small records is 200,000 of them, 4 MiB.
 */
export const SYSTEM_VALUE_BYTES_MAX = 16_777_216;
/** Tables of about one size before they are merged. */
const MERGE_FAN_IN = 4;
const SIZE_CLASS_FACTOR = 4;
/** Tables smaller than this are of one class. */
const SIZE_CLASS_BYTES_MIN = 65_536;
/** Bytes of the inputs of one merge. Source: a table stays below 4 GiB, with room to spare. */
const MERGE_BYTES_MAX = 3 * 1024 ** 3;
/** Rows merged before the thread is given back. */
const MERGE_TURN_ROWS = 2_048;
/** Rows of a scan between two: about a millisecond. */
const SCAN_TURN_ROWS = 512;
/** Table numbers recorded as taken with one replacement of the manifest. */
const NUMBERS_TAKEN_AT_ONCE = 64;

export interface SystemShardOptions {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  readonly cache: BlockCache;
  /** Gives the thread back during long merges. */
  readonly pause: () => Promise<void>;
  /** For tests: bytes of the inputs of one merge. */
  readonly mergeBytesMax?: number;
}

export interface ScanRange {
  readonly start: EncodedKey;
  /** Exclusive. */
  readonly end: EncodedKey;
  readonly limit: number;
  readonly startIsExclusive: boolean;
}

export interface TableExtent {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** The files of the store as they are at one moment. */
export interface SystemImage {
  readonly manifest: { readonly path: string; readonly bytes: Uint8Array };
  /** Whole files that stay until {@link SystemImage.release}. */
  readonly tables: readonly { readonly path: string; readonly bytes: number }[];
  /** To be called once. */
  release(): void;
}

/** A memtable on its way to a table, with the position up to which it is complete. */
interface FrozenMap {
  readonly map: SortedMap;
  position: Uint8Array;
}

export class SystemShard {
  readonly #options: SystemShardOptions;
  #map = new SortedMap();
  /** Being written, or left by a flush that failed; still read. */
  #frozen: FrozenMap | undefined;
  /** Newest first. */
  #tables: readonly SortedTable[];
  /** Next number to use, and the first that the manifest does not say is taken. */
  #numberNext: number;
  #numberEnd: number;
  #appliedPosition: Uint8Array;
  #flushing: Promise<void> | undefined;
  #compacting: Promise<void> | undefined;
  /** The last replacement of the manifest, failed or not. */
  #committed: Promise<unknown> = Promise.resolve();
  /** Tables that a manifest may name whose replacement failed: gone with the next that succeeds. */
  #doubtful: number[] = [];
  /** Images that are in use, and tables that went out of the manifest meanwhile. */
  #imageCount = 0;
  readonly #retired: number[] = [];

  private constructor(
    options: SystemShardOptions,
    manifest: SystemManifest,
    tables: readonly SortedTable[],
  ) {
    this.#options = options;
    this.#tables = tables;
    this.#numberNext = manifest.numberNext;
    this.#numberEnd = manifest.numberNext;
    this.#appliedPosition = manifest.appliedPosition;
  }

  /**
   * Opens the tables the manifest names; removes files of an interrupted flush or merge.
   *
   * @throws InsulaError `data_damaged`, `format_unsupported`, `io_failed`.
   */
  static async open(options: SystemShardOptions): Promise<SystemShard> {
    const { fileSystem, folder, cache } = options;
    const manifest = await openManifest(fileSystem, folder);
    const tables: SortedTable[] = [];
    try {
      for (const table of manifest.tables) {
        tables.push(await SortedTable.open(fileSystem, folder, { table, cache }));
      }
    } catch (error) {
      for (const table of tables) await table.retire();
      throw error;
    }
    return new SystemShard(options, manifest, tables);
  }

  /** As given to the last flush; empty before the first. */
  get appliedPosition(): Uint8Array {
    return this.#appliedPosition;
  }

  /** Of everything in no table yet. */
  get memtableBytes(): number {
    return this.#map.bytes + (this.#frozen?.map.bytes ?? 0);
  }

  get tableCount(): number {
    return this.#tables.length;
  }

  /** On disk. */
  get bytes(): number {
    return this.#tables.reduce((sum, table) => sum + table.bytes, 0);
  }

  /** Fences and key filters, held as long as the store is open. */
  get residentBytes(): number {
    return this.#tables.reduce((sum, table) => sum + table.residentBytes, 0);
  }

  /** What a copy of the store is made of; it is whole with the log from its position on. */
  image(): SystemImage {
    const { folder } = this.#options;
    this.#imageCount++;
    return {
      manifest: { path: manifestPath(folder), bytes: encodeManifest(this.#manifest()) },
      tables: this.#tables.map(({ number, bytes }) => ({ path: tablePath(folder, number), bytes })),
      release: () => {
        this.#imageCount--;
        if (this.#imageCount === 0) this.#removeRetired().catch(() => undefined);
      },
    };
  }

  put(key: EncodedKey, value: Uint8Array): void {
    assert(key.length <= SYSTEM_KEY_BYTES_MAX, "a key of the catalogue has at most 8 KiB");
    assert(value.length <= SYSTEM_VALUE_BYTES_MAX, "a row of the catalogue has at most 16 MiB");
    this.#map.set(key, value);
  }

  delete(key: EncodedKey): void {
    assert(key.length <= SYSTEM_KEY_BYTES_MAX, "a key of the catalogue has at most 8 KiB");
    this.#map.set(key, null);
  }

  /** The bytes belong to the store: not to be changed. */
  async get(key: EncodedKey): Promise<Uint8Array | undefined> {
    const newest = this.#map.get(key);
    const fresh = newest === undefined ? this.#frozen?.map.get(key) : newest;
    if (fresh !== undefined) return fresh ?? undefined;
    const tables = this.#tables;
    for (const table of tables) table.hold();
    try {
      for (const table of tables) {
        const maybe = table.get(key);
        const value = maybe instanceof Promise ? await maybe : maybe;
        if (value !== undefined) return value === null ? undefined : new Uint8Array(value);
      }
      return undefined;
    } finally {
      for (const table of tables) table.release();
    }
  }

  /**
   * As {@link SystemShard.get} for one who passes by very many: see {@link SortedTable.look}.
   *
   * @param use is given the bytes, which are valid during the call only.
   */
  async look<Found>(
    key: EncodedKey,
    use: (bytes: Uint8Array) => Found,
  ): Promise<Found | undefined> {
    const newest = this.#map.get(key);
    const fresh = newest === undefined ? this.#frozen?.map.get(key) : newest;
    if (fresh !== undefined) return fresh === null ? undefined : use(fresh);
    const tables = this.#tables;
    for (const table of tables) table.hold();
    try {
      for (const table of tables) {
        // Wrapped: a table that says that the row is gone ends the search, too.
        const found = await table.look(key, (value) => ({
          use: value === null ? undefined : use(value),
        }));
        if (found !== undefined) return found.use;
      }
      return undefined;
    } finally {
      for (const table of tables) table.release();
    }
  }

  /** Blocks on disk that hold a state of the row, newest first. */
  async locate(key: EncodedKey): Promise<readonly TableExtent[]> {
    const tables = this.#tables;
    for (const table of tables) table.hold();
    try {
      const extents: TableExtent[] = [];
      for (const table of tables) {
        const place = await table.locate(key);
        const path = tablePath(this.#options.folder, table.number);
        if (place !== undefined) extents.push({ file: path, ...place });
      }
      return extents;
    } finally {
      for (const table of tables) table.release();
    }
  }

  /** Live rows of a range in key order, as they are when it is called. */
  async scan(range: ScanRange): Promise<readonly (readonly [EncodedKey, Uint8Array])[]> {
    // What is in memory is copied first, so that a put between two reads cannot show half.
    const fresh = this.#freshRows(range);
    const tables = this.#tables;
    for (const table of tables) table.hold();
    try {
      const runs = [oneRun(fresh), ...tables.map((table) => table.rowsFrom(range.start))];
      const rows: (readonly [EncodedKey, Uint8Array])[] = [];
      let count = 0;
      for await (const { key, value } of mergeRows(runs)) {
        // Rows that are in memory come one behind the other without a turn of the event loop.
        if (++count % SCAN_TURN_ROWS === 0) await this.#options.pause();
        if (key >= range.end || rows.length >= range.limit) break;
        if (value === null || (range.startIsExclusive && key === range.start)) continue;
        rows.push([key, new Uint8Array(value)]);
      }
      return rows;
    } finally {
      for (const table of tables) table.release();
    }
  }

  /**
   * Writes the memtable as a table. Freezes it at once, in the caller's turn: what is put later is
   * not in it. One flush at a time; after one that failed the next writes what both had to.
   *
   * @param appliedPosition every change up to here has been put; kept with the tables, for the
   *   caller's recovery.
   */
  async flush(appliedPosition: Uint8Array): Promise<void> {
    assert(this.#flushing === undefined, "one flush of the catalogue at a time");
    const frozen = this.#freeze(Uint8Array.from(appliedPosition));
    this.#flushing = this.#write(frozen).finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  /** Merges tables of one size class. Does nothing while a merge is under way. */
  async compactIfNeeded(): Promise<void> {
    if (this.#compacting !== undefined) return;
    this.#compacting = this.#compact().finally(() => {
      this.#compacting = undefined;
    });
    await this.#compacting;
  }

  /** Waits for a flush or merge under way, then closes every file. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#flushing, this.#compacting]);
    for (const table of this.#tables) await table.retire();
  }

  #freeze(position: Uint8Array): FrozenMap {
    const fresh = this.#map;
    this.#map = new SortedMap();
    if (this.#frozen === undefined) {
      this.#frozen = { map: fresh, position };
      return this.#frozen;
    }
    // Left by a failure. Both together are complete up to the new position.
    for (const { key, value } of fresh.rowsFrom("")) this.#frozen.map.set(key, value);
    this.#frozen.position = position;
    return this.#frozen;
  }

  async #write({ map, position }: FrozenMap): Promise<void> {
    if (map.size === 0) {
      await this.#commit((tables) => tables, position);
    } else {
      const runs = [oneRun(map.rowsFrom(""))];
      const table = await this.#writeTable(mergeRows(runs), map.size);
      await this.#commitNew(table, (tables) => [table, ...tables], position);
    }
    this.#frozen = undefined;
  }

  async #compact(): Promise<void> {
    for (let inputs = this.#chooseMerge(); inputs.length > 0; inputs = this.#chooseMerge()) {
      await this.#merge(inputs);
    }
  }

  /** A run of neighbours in age: only they can be merged without turning old over new. */
  #chooseMerge(): readonly SortedTable[] {
    const tables = this.#tables;
    const bytesMax = this.#options.mergeBytesMax ?? MERGE_BYTES_MAX;
    for (let start = 0; start + MERGE_FAN_IN <= tables.length; start++) {
      const smallest = Math.max(tables[start]?.bytes ?? 0, SIZE_CLASS_BYTES_MIN);
      let end = start;
      let sum = 0;
      for (; end < tables.length; end++) {
        const bytes = tables[end]?.bytes ?? 0;
        sum += bytes;
        if (bytes > smallest * SIZE_CLASS_FACTOR || sum > bytesMax) break;
      }
      if (end - start >= MERGE_FAN_IN) return tables.slice(start, end);
    }
    return [];
  }

  /** A flush may add a newer table meanwhile; the inputs stay neighbours, the oldest the oldest. */
  async #merge(inputs: readonly SortedTable[]): Promise<void> {
    const hasOldest = inputs.at(-1) === this.#tables.at(-1);
    const rowCountMax = inputs.reduce((sum, { rowCount }) => sum + rowCount, 0);
    const rows = mergeRows(inputs.map((input) => input.allRows()));
    // Below the oldest table nothing is left that a deleted row could hide.
    const merged = await this.#writeTable(hasOldest ? withoutDeleted(rows) : rows, rowCountMax);
    const gone = new Set(inputs);
    await this.#commitNew(merged, (tables) =>
      tables.flatMap((table) => {
        if (table === inputs[0]) return [merged];
        return gone.has(table) ? [] : [table];
      }),
    );
    for (const input of inputs) {
      await input.retire();
      this.#retired.push(input.number);
    }
    if (this.#imageCount === 0) await this.#removeRetired();
  }

  /** What cannot be removed now is removed by the next start: no manifest names it. */
  async #removeRetired(): Promise<void> {
    const { fileSystem, folder } = this.#options;
    for (const number of this.#retired.splice(0)) {
      await fileSystem.unlink(tablePath(folder, number));
    }
  }

  #manifest(): SystemManifest {
    const tables = this.#tables;
    return { tables, numberNext: this.#numberEnd, appliedPosition: this.#appliedPosition };
  }

  /** Writes, syncs and opens a table that no manifest names yet. */
  async #writeTable(rows: AsyncIterable<TableRow>, rowCountMax: number): Promise<SortedTable> {
    const { fileSystem, folder, cache, pause } = this.#options;
    const number = await this.#takeNumber();
    try {
      const options = { table: number, rowCountMax };
      const writer = await SortedTableWriter.create(fileSystem, folder, options);
      let footerCrc: number;
      try {
        let count = 0;
        for await (const row of rows) {
          await writer.add(row);
          if (++count % MERGE_TURN_ROWS === 0) await pause();
        }
        footerCrc = await writer.finish();
      } catch (error) {
        await writer.abandon();
        throw error;
      }
      await fileSystem.syncFolder(folder);
      return await SortedTable.open(fileSystem, folder, { table: { number, footerCrc }, cache });
    } catch (error) {
      // A full disk gets its bytes back; what cannot be removed now is removed at the next start.
      await fileSystem.unlink(tablePath(folder, number)).catch(() => undefined);
      throw error;
    }
  }

  async #takeNumber(): Promise<number> {
    while (this.#numberNext >= this.#numberEnd) await this.#commit((tables) => tables);
    return this.#numberNext++;
  }

  async #commitNew(
    table: SortedTable,
    change: (tables: readonly SortedTable[]) => readonly SortedTable[],
    position?: Uint8Array,
  ): Promise<void> {
    try {
      await this.#commit(change, position);
    } catch (error) {
      // The manifest on disk may name it: its file must stay until another manifest is there.
      this.#doubtful.push(table.number);
      await table.retire();
      throw error;
    }
  }

  /**
   * Replaces the manifest; replacements follow one another, each made of what the one before left.
   *
   * @param position undefined for none but the present one.
   */
  #commit(
    change: (tables: readonly SortedTable[]) => readonly SortedTable[],
    position?: Uint8Array,
  ): Promise<void> {
    const committed = this.#committed.then(async () => {
      const { fileSystem, folder } = this.#options;
      const tables = change(this.#tables);
      const appliedPosition = position ?? this.#appliedPosition;
      const isUsedUp = this.#numberNext >= this.#numberEnd;
      const numberNext = isUsedUp ? this.#numberNext + NUMBERS_TAKEN_AT_ONCE : this.#numberEnd;
      await writeManifest(fileSystem, folder, { tables, numberNext, appliedPosition });
      this.#numberEnd = numberNext;
      this.#tables = tables;
      this.#appliedPosition = appliedPosition;
      for (const number of this.#doubtful.splice(0)) {
        await fileSystem.unlink(tablePath(folder, number)).catch(() => undefined);
      }
    });
    this.#committed = committed.catch(() => undefined);
    return committed;
  }

  /** Rows of the range in memory, deleted ones too, the newest state of each. */
  #freshRows(range: ScanRange): readonly TableRow[] {
    const rows: TableRow[] = [];
    let live = 0;
    // One live row more than asked for: the first may be left out.
    for (const row of newestRows(this.#map, this.#frozen?.map, range.start)) {
      if (row.key >= range.end || live > range.limit) break;
      rows.push(row);
      if (row.value !== null) live++;
    }
    return rows;
  }
}

/** Both maps in key order; of equal keys the newer map's row. */
function* newestRows(
  newer: SortedMap,
  older: SortedMap | undefined,
  start: EncodedKey,
): Iterable<TableRow> {
  const olderRows = (older?.rowsFrom(start) ?? [])[Symbol.iterator]();
  let waiting = olderRows.next();
  for (const row of newer.rowsFrom(start)) {
    for (; waiting.done !== true && waiting.value.key < row.key; waiting = olderRows.next()) {
      yield waiting.value;
    }
    if (waiting.done !== true && waiting.value.key === row.key) waiting = olderRows.next();
    yield row;
  }
  for (; waiting.done !== true; waiting = olderRows.next()) yield waiting.value;
}

async function* oneRun(rows: Iterable<TableRow>): AsyncIterable<readonly TableRow[]> {
  yield [...rows];
}

async function* withoutDeleted(rows: AsyncIterable<TableRow>): AsyncIterable<TableRow> {
  for await (const row of rows) if (row.value !== null) yield row;
}
