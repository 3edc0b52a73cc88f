/**
 * One open segment: its sections, loaded when first needed, and which of its rows are still live.
 *
 * Opening reads the footer only. Everything else is loaded by the first call that needs it, once
 * (concurrent callers share the load), and dropped together when the shard is put to sleep. A
 * handle is retained by each reader; arena extents are freed when the last one has released it,
 * also when a compaction has removed the segment from the manifest meanwhile.
 */
import { assert } from "../base/errors.ts";
import { toHex, type DocId, type ShardUid } from "../base/brands.ts";
import { InvertedReader } from "../inverted/index.ts";
import { readEach } from "../io/index.ts";
import {
  BloomFilter,
  SegmentReader,
  type BlockShelf,
  type SectionReader,
  type SegmentSource,
} from "../storage/index.ts";
import { CachedSection } from "./cached-section.ts";
import { decodeDeadRows, type DeadRows } from "./dead-rows.ts";
import { RecordBlock, RecordFences, shortKeyIn, type RecordEntry } from "./record-blocks.ts";
import { SECTION } from "./section-types.ts";
import { SegmentDense } from "./segment-dense.ts";
import { SegmentSparse } from "./segment-sparse.ts";
import { decodeSegmentStats } from "./segment-write.ts";
import { openSegmentSource } from "./segment-source.ts";
import type { ShardContext } from "./shard-context.ts";
import type { ShardSeal } from "./shard-seal.ts";
import { writtenIdentity, type SegmentEntry } from "./shard-state.ts";

/** What is said about a row when it is found. */
export interface FoundRow {
  readonly row: DocId;
  readonly entry: RecordEntry;
}

/** The shard of a segment. */
export interface SegmentOwner {
  readonly uid: ShardUid;
  readonly seal: ShardSeal | undefined;
  /** Rows on their way into memory, of any of its segments. */
  readonly coming: Set<Promise<void>>;
}

export class SegmentHandle {
  readonly entry: SegmentEntry;
  /** The name by which segments of its shard speak of it: the hexadecimal uid in its bytes. */
  readonly id: string;
  /** Its dense fields. */
  readonly dense: SegmentDense;
  /** Its sparse fields, if the schema has any. */
  readonly sparse: SegmentSparse;
  /** What is cached of this segment; nobody else's, also not of a copy. */
  readonly #shelf: BlockShelf;
  readonly #context: ShardContext;
  readonly #owner: SegmentOwner;
  readonly #loads = new Map<string, Promise<unknown>>();
  readonly #inverted = new Map<string, InvertedReader | undefined>();
  #reader: SegmentReader | undefined;
  #fences: RecordFences | undefined;
  #filter: BloomFilter | undefined;
  #liveBits: Uint8Array | undefined;
  #deadCount = 0;
  #holders = 1;
  #isRetired = false;
  #bytesRead = 0;

  constructor(context: ShardContext, owner: SegmentOwner, entry: SegmentEntry) {
    this.#context = context;
    this.#owner = owner;
    this.entry = entry;
    this.id = toHex(writtenIdentity(owner.uid, entry).segment);
    const cacheId = toHex(entry.uid);
    const { cache } = context;
    this.#shelf = cache.shelf(cacheId);
    const { rowCount } = entry;
    const open = (): Promise<SegmentReader> => this.#open();
    this.dense = new SegmentDense(context, {
      entry,
      open,
      hold: () => {
        this.retain();
        return () => {
          this.release();
        };
      },
      isHeld: () => this.#holders > 0,
      coming: owner.coming,
    });
    this.sparse = new SegmentSparse({ id: cacheId, rowCount, open, cache });
    for (const row of entry.deadRows) this.kill(row);
  }

  get rowCount(): number {
    return this.entry.rowCount;
  }

  get liveCount(): number {
    return this.entry.rowCount - this.#deadCount;
  }

  get hasDeadRows(): boolean {
    return this.#deadCount > 0;
  }

  /** Live bits, one a row; undefined while every row is live. A copy: later kills do not show. */
  liveBits(): Uint8Array | undefined {
    return this.#deadCount === 0 ? undefined : this.#liveBits?.slice();
  }

  isLive(row: DocId): boolean {
    const bits = this.#liveBits;
    return bits === undefined || ((bits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }

  /** The row dies. False when it was dead before. */
  kill(row: DocId): boolean {
    assert(row < this.rowCount, "a row of this segment");
    if (!this.isLive(row)) return false;
    this.#liveBits ??= new Uint8Array((this.rowCount + 7) >>> 3).fill(0xff);
    this.#liveBits[row >>> 3] = (this.#liveBits[row >>> 3] ?? 0) & ~(1 << (row & 7));
    this.#deadCount++;
    return true;
  }

  /** Opens it before it is asked for anything, where that takes a while. */
  async prepare(): Promise<void> {
    await this.#open();
  }

  /** Loads beforehand what finds the keys of rows: a search that loads the rest needs it next. */
  foresee(): void {
    // Whoever needs it is told what went wrong.
    this.#loadFences().catch(() => undefined);
  }

  /** Rows of other segments that died when this one was written. */
  async deadElsewhere(): Promise<DeadRows | undefined> {
    const section = (await this.#open()).section(SECTION.deadRows, "");
    return section === undefined
      ? undefined
      : decodeDeadRows(await section.read(0, section.length));
  }

  /** True when the key filter is loaded and rules the key out: no file need be asked. */
  knowsItLacks(key: Uint8Array): boolean {
    return this.#filter?.mayContain(key) === false;
  }

  /**
   * The row of a key, live or not; reads one records block, and only if the filter may know the
   * key.
   */
  async find(key: Uint8Array): Promise<FoundRow | undefined> {
    const filter = await this.#once("filter", () => this.#loadFilter());
    if (!filter.mayContain(key)) return undefined;
    const fences = await this.#loadFences();
    const number = fences.blockOfKey(key);
    if (number < 0) return undefined;
    const block = await this.#block(fences, number);
    const position = block.find(key);
    if (position < 0) return undefined;
    return { row: block.firstRow + position, entry: block.entry(position) };
  }

  /** Key and metadata of a row; at once when its block is in memory. */
  record(row: DocId): RecordEntry | Promise<RecordEntry> {
    const fences = this.#fences;
    if (fences === undefined) return this.#loadFences().then(() => this.record(row));
    const number = fences.blockOfRow(row);
    const cached = this.#shelf.get(number);
    if (cached !== undefined) {
      const firstRow = fences.firstRow(number);
      return new RecordBlock(cached, firstRow).entry(row - firstRow);
    }
    return this.#block(fences, number).then((block) => block.entry(row - block.firstRow));
  }

  /** The key of a row; at once when its block is in memory. */
  key(row: DocId): string | Promise<string> {
    const number = this.#fences?.blockOfRow(row);
    const cached = number === undefined ? undefined : this.#shelf.get(number);
    if (this.#fences !== undefined && number !== undefined && cached !== undefined) {
      const key = shortKeyIn(cached, row - this.#fences.firstRow(number));
      if (key !== undefined) return key;
    }
    const entry = this.record(row);
    if (!(entry instanceof Promise)) return entry.key.toString("utf8");
    return entry.then(({ key }) => key.toString("utf8"));
  }

  /** First row whose key is not below `key`; `rowCount` when all are. */
  async rowAtOrAfter(key: Uint8Array): Promise<DocId> {
    const fences = await this.#loadFences();
    const number = fences.blockOfKey(key);
    if (number < 0) return 0;
    const block = await this.#block(fences, number);
    const position = block.find(key);
    return block.firstRow + (position < 0 ? -(position + 1) : position);
  }

  /** The property's inverted index; undefined when no row of this segment has the property. */
  async inverted(property: string): Promise<InvertedReader | undefined> {
    if (this.#inverted.has(property)) return this.#inverted.get(property);
    return this.#once(`i:${property}`, async () => {
      const section = (await this.#open()).section(SECTION.inverted, property);
      const owner = `segment ${toHex(this.entry.uid)}`;
      const reader =
        section === undefined
          ? undefined
          : await InvertedReader.open(new CachedSection(section, this.#shelf), owner, this.#shelf);
      this.#inverted.set(property, reader);
      return reader;
    });
  }

  /** What was kept of this segment under a name; not to be changed. */
  kept(name: string): Uint8Array | undefined {
    return this.#shelf.get(name);
  }

  /** Keeps what is true of this segment for ever, as long as the cache has room. */
  keep(name: string, bytes: Uint8Array): void {
    this.#shelf.set(name, bytes);
  }

  /**
   * False when this segment has more properties than are indexed: unknown ones need a look at the
   * rows.
   */
  async hasAllProperties(): Promise<boolean> {
    return decodeSegmentStats((await this.#open()).stats).hasAllProperties;
  }

  /** Bytes in the arenas, and what is kept of sparse fields. */
  get residentBytes(): number {
    return this.dense.bytes + this.sparse.bytes;
  }

  /**
   * Gives back what searches load: codes, rows and graphs, which come again from the file. Filters,
   * fences and dead rows stay, and so do writes by key as cheap as they are.
   *
   * @returns bytes; 0 while anybody reads, and while anything is loaded, also behind searches.
   */
  shed(): number {
    return this.#holders !== 1 || this.#loads.size > 0 ? 0 : this.dense.shed();
  }

  /** Bytes read from its file since it was opened. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** The manifest no longer names the segment: its bytes go when the last reader has gone. */
  retire(): void {
    this.#isRetired = true;
    this.dense.abandon();
    this.release();
  }

  retain(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    assert(this.#holders > 0, "released as often as retained");
    this.#holders--;
    if (this.#holders > 0) return;
    this.dense.release();
    if (this.#isRetired) this.#context.catalog.discard(this.entry);
  }

  async #open(): Promise<SegmentReader> {
    return (this.#reader ??= await this.#once("footer", async () => {
      const { uid: shard, seal } = this.#owner;
      const source = openSegmentSource(this.#context, shard, this.entry);
      const key = seal?.segmentKey(this.entry);
      const counted = countedSource(source, (bytes) => {
        this.#bytesRead += bytes;
      });
      const identity = { ...writtenIdentity(shard, this.entry), key };
      const reader = await SegmentReader.open(counted, identity);
      await source.fetchAhead?.(reader.spans());
      return reader;
    }));
  }

  async #loadFilter(): Promise<BloomFilter> {
    if (this.#filter !== undefined) return this.#filter;
    const section = this.#section(await this.#open(), SECTION.keyFilter, "");
    this.#filter = new BloomFilter(await section.read(0, section.length));
    return this.#filter;
  }

  async #loadFences(): Promise<RecordFences> {
    return (this.#fences ??= await this.#once("fences", async () => {
      const section = this.#section(await this.#open(), SECTION.recordFences, "");
      return new RecordFences(await section.read(0, section.length));
    }));
  }

  async #block(fences: RecordFences, number: number): Promise<RecordBlock> {
    const { offset, length, firstRow } = fences.block(number);
    const cached = this.#shelf.get(number);
    if (cached !== undefined) return new RecordBlock(cached, firstRow);
    const section = this.#section(await this.#open(), SECTION.records, "");
    const bytes = await section.read(offset, length);
    this.#shelf.set(number, bytes);
    return new RecordBlock(bytes, firstRow);
  }

  #section(reader: SegmentReader, type: number, name: string): SectionReader {
    const section = reader.section(type, name);
    assert(section !== undefined, "every segment has its records, filter and vector sections");
    return section;
  }

  /** Concurrent callers of one load share it; a failed load may be tried again. */
  #once<Value>(name: string, load: () => Promise<Value>): Promise<Value> {
    const running = this.#loads.get(name);
    if (running !== undefined) return running as Promise<Value>;
    const promise = load().finally(() => this.#loads.delete(name));
    this.#loads.set(name, promise);
    return promise;
  }
}

/** Tells of every read how much it asks for. */
function countedSource(source: SegmentSource, count: (bytes: number) => void): SegmentSource {
  const { length } = source;
  const read: SegmentSource["read"] = (position, target) => {
    count(target.length);
    return source.read(position, target);
  };
  // One that cannot read many pieces at once is left to do it one by one.
  const readMany: SegmentSource["readMany"] = (pieces) => {
    for (const { target } of pieces) count(target.length);
    return source.readMany?.(pieces) ?? readEach((at, target) => source.read(at, target), pieces);
  };
  return { length, read, readMany };
}
