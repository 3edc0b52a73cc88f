/**
 * The memtable of the system shard: newest value by key, and pages of it in key order.
 *
 * A put costs a push; a scan sorts what was pushed since the last one and merges it in: linear in
 * the size, which the flush threshold bounds, and nothing when only old keys have changed.
 */
import type { EncodedKey, TableRow, TableValue } from "./sorted-table-format.ts";

/** Bookkeeping of one entry on the heap. */
const ENTRY_BYTES = 120;

export class SortedMap {
  readonly #values = new Map<EncodedKey, TableValue>();
  /** Every key of the map that is not in `#fresh`, ascending. */
  #sorted: EncodedKey[] = [];
  #fresh: EncodedKey[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#values.size;
  }

  /** undefined: says nothing of the key; null: deleted. */
  get(key: EncodedKey): TableValue | undefined {
    return this.#values.get(key);
  }

  set(key: EncodedKey, value: TableValue): void {
    const old = this.#values.get(key);
    if (old === undefined) {
      this.#fresh.push(key);
      this.#bytes += ENTRY_BYTES + key.length;
    } else {
      this.#bytes -= old?.length ?? 0;
    }
    this.#bytes += value?.length ?? 0;
    this.#values.set(key, value);
  }

  /** All rows from `start` on, in key order, as they are now; read at once, not across an await. */
  *rowsFrom(start: EncodedKey): Iterable<TableRow> {
    this.#sort();
    for (let i = lowerBound(this.#sorted, start); i < this.#sorted.length; i++) {
      const key = this.#sorted[i];
      const value = key === undefined ? undefined : this.#values.get(key);
      if (key !== undefined && value !== undefined) yield { key, value };
    }
  }

  #sort(): void {
    if (this.#fresh.length === 0) return;
    const fresh = this.#fresh.sort(byBytes);
    this.#fresh = [];
    const last = this.#sorted.at(-1);
    if (last === undefined || last < (fresh[0] ?? "")) {
      for (const key of fresh) this.#sorted.push(key);
      return;
    }
    this.#sorted = merge(this.#sorted, fresh);
  }
}

function byBytes(a: EncodedKey, b: EncodedKey): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function lowerBound(keys: readonly EncodedKey[], start: EncodedKey): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

function merge(a: readonly EncodedKey[], b: readonly EncodedKey[]): EncodedKey[] {
  const merged: EncodedKey[] = [];
  let i = 0;
  for (const key of b) {
    for (let next = a[i]; next !== undefined && next < key; next = a[++i]) merged.push(next);
    merged.push(key);
  }
  for (; i < a.length; i++) {
    const next = a[i];
    if (next !== undefined) merged.push(next);
  }
  return merged;
}
