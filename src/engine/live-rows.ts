/**
 * Catalogue rows that change with every write: decoded while somebody uses them, written back
 * encoded when the catalogue is flushed. One object per row, whoever asks, so that a change is seen
 * by all.
 *
 * Bounded by the number of users: a row that nobody holds and that is written back is forgotten.
 */
import { assert } from "../base/errors.ts";
import type { SystemShard } from "../storage/index.ts";
import type { EncodedKey } from "./catalog-keys.ts";

interface LiveRow<Row> {
  readonly row: Row;
  holders: number;
  isDirty: boolean;
}

export class LiveRows<Row> {
  readonly #store: SystemShard;
  readonly #encode: (row: Row) => Uint8Array;
  readonly #decode: (key: EncodedKey, bytes: Uint8Array) => Row;
  readonly #rows = new Map<EncodedKey, LiveRow<Row>>();
  readonly #loads = new Map<EncodedKey, Promise<void>>();
  #dirtyCount = 0;

  constructor(
    store: SystemShard,
    encode: (row: Row) => Uint8Array,
    decode: (key: EncodedKey, bytes: Uint8Array) => Row,
  ) {
    this.#store = store;
    this.#encode = encode;
    this.#decode = decode;
  }

  get size(): number {
    return this.#rows.size;
  }

  get dirtyCount(): number {
    return this.#dirtyCount;
  }

  /**
   * The row, held until {@link LiveRows.release}; undefined (and nothing held) when there is none.
   */
  async acquire(key: EncodedKey): Promise<Row | undefined> {
    while (!this.#rows.has(key)) {
      const loading = this.#loads.get(key) ?? this.#startLoad(key);
      await loading;
      if (!this.#rows.has(key)) return undefined;
    }
    const live = this.#rows.get(key);
    assert(live !== undefined, "loaded above");
    live.holders++;
    return live.row;
  }

  release(key: EncodedKey): void {
    const live = this.#rows.get(key);
    if (live === undefined) return;
    live.holders = Math.max(0, live.holders - 1);
    if (live.holders === 0 && !live.isDirty) this.#rows.delete(key);
  }

  /** The row if it is live now. */
  live(key: EncodedKey): Row | undefined {
    return this.#rows.get(key)?.row;
  }

  /** The live row, or a new one. */
  liveOr(key: EncodedKey, make: () => Row): Row {
    const known = this.#rows.get(key);
    if (known !== undefined) return known.row;
    const row = make();
    this.#rows.set(key, { row, holders: 1, isDirty: false });
    return row;
  }

  /** What the row says now, without holding it: not to be changed. */
  async read(key: EncodedKey): Promise<Row | undefined> {
    const live = this.#rows.get(key);
    if (live !== undefined) return live.row;
    const bytes = await this.#store.get(key);
    return this.#rows.get(key)?.row ?? (bytes === undefined ? undefined : this.#decode(key, bytes));
  }

  /**
   * A part of what the row says now, for one who passes by very many rows.
   *
   * @param decode is given bytes that are valid during the call only.
   */
  async look<Part>(
    key: EncodedKey,
    part: (row: Row) => Part,
    decode: (bytes: Uint8Array) => Part,
  ): Promise<Part | undefined> {
    const live = this.#rows.get(key);
    if (live !== undefined) return part(live.row);
    const found = await this.#store.look(key, decode);
    const since = this.#rows.get(key);
    return since === undefined ? found : part(since.row);
  }

  /** The row has changed. */
  touch(key: EncodedKey): void {
    const live = this.#rows.get(key);
    if (live === undefined || live.isDirty) return;
    live.isDirty = true;
    this.#dirtyCount++;
  }

  /** The row is gone from the catalogue. */
  forget(key: EncodedKey): void {
    if (this.#rows.get(key)?.isDirty === true) this.#dirtyCount--;
    this.#rows.delete(key);
  }

  /** Puts every changed row into the store and forgets those that nobody holds. */
  writeBack(): void {
    for (const [key, live] of this.#rows) {
      if (live.isDirty) {
        this.#store.put(key, this.#encode(live.row));
        live.isDirty = false;
      }
      if (live.holders === 0) this.#rows.delete(key);
    }
    this.#dirtyCount = 0;
  }

  #startLoad(key: EncodedKey): Promise<void> {
    const load = async (): Promise<void> => {
      try {
        const bytes = await this.#store.get(key);
        if (bytes === undefined || this.#rows.has(key)) return;
        this.#rows.set(key, { row: this.#decode(key, bytes), holders: 0, isDirty: false });
      } finally {
        this.#loads.delete(key);
      }
    };
    const promise = load();
    this.#loads.set(key, promise);
    return promise;
  }
}
