/**
 * Buddy allocator over numbered units.
 *
 * Blocks have 2^order units and begin at a multiple of their size. A block is split in halves until
 * it fits, and joined with its other half (its buddy, whose number differs in one bit) as soon as
 * both are free. It knows no memory, only numbers, and gives the same answers to the same calls.
 *
 * Source: Knowlton, "A fast storage allocator", CACM 8 (1965); Knuth, TAOCP 1, section 2.5,
 * algorithm R.
 */
import { assert } from "../base/errors.ts";

/** What a unit is: nothing, or the first of a free (order + 1) or used (order + 33) block. */
const FREE = 1;
const USED = 33;
const NONE = -1;

export class BuddyAllocator {
  readonly #orderMax: number;
  /** First block of each list of free blocks, by order. */
  readonly #heads: Int32Array;
  #heading: Uint8Array = new Uint8Array(0);
  #next: Int32Array = new Int32Array(0);
  #previous: Int32Array = new Int32Array(0);
  #capacity = 0;
  #used = 0;

  /** @param orderMax largest order, 0 to 30: no block is longer than 2^orderMax units. */
  constructor(orderMax: number) {
    assert(orderMax >= 0 && orderMax <= 30, "the largest order of a buddy allocator is 0 to 30");
    this.#orderMax = orderMax;
    this.#heads = new Int32Array(orderMax + 1).fill(NONE);
  }

  /** Units under management. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Units in blocks handed out. */
  get used(): number {
    return this.#used;
  }

  /** Adds free units behind the present ones. */
  extend(capacity: number): void {
    assert(capacity >= this.#capacity, "a buddy allocator never shrinks");
    this.#reserve(capacity);
    let unit = this.#capacity;
    this.#capacity = capacity;
    while (unit < capacity) {
      const order = this.#orderAt(unit, capacity);
      this.#release(unit, order);
      unit += 2 ** order;
    }
  }

  /** First unit of a block of 2^order units, or -1 when there is none. */
  allocate(order: number): number {
    assert(order >= 0 && order <= this.#orderMax, "the order of a block is one the allocator has");
    let found = order;
    while (found <= this.#orderMax && this.#head(found) === NONE) found++;
    if (found > this.#orderMax) return NONE;
    const unit = this.#head(found);
    this.#unlink(unit, found);
    while (found > order) {
      found--;
      this.#link(unit + 2 ** found, found);
    }
    this.#heading[unit] = USED + order;
    this.#used += 2 ** order;
    return unit;
  }

  /** Gives a block back; unit and order are those of its allocation. */
  free(unit: number, order: number): void {
    assert(
      this.#heading[unit] === USED + order,
      "what is freed is a block in use with the size it was allocated with",
    );
    this.#heading[unit] = 0;
    this.#used -= 2 ** order;
    this.#release(unit, order);
  }

  /**
   * First unit of so many neighbouring units, or -1: a block of which the end that is not needed
   * was given back at once. The units are several blocks, largest first; {@link freeUnits} gives
   * them back.
   */
  allocateUnits(units: number): number {
    const order = Math.ceil(Math.log2(units));
    const first = this.allocate(order);
    const end = first + 2 ** order;
    if (first < 0 || first + units === end) return first;
    this.#heading[first] = 0;
    for (const { unit, order: part } of blocksOf(first, units)) this.#heading[unit] = USED + part;
    for (let unit = first + units; unit < end;) {
      const size = lowestBit(unit - first);
      this.#used -= size;
      this.#release(unit, Math.log2(size));
      unit += size;
    }
    return first;
  }

  /** Gives back what {@link allocateUnits} gave for the same number of units. */
  freeUnits(first: number, units: number): void {
    for (const { unit, order } of blocksOf(first, units)) this.free(unit, order);
  }

  /** The smallest capacity with which {@link allocate} of this order would succeed. */
  capacityFor(order: number): number {
    const size = 2 ** order;
    for (let larger = order; larger <= this.#orderMax; larger++) {
      if (this.#head(larger) !== NONE) return this.#capacity;
    }
    const start = Math.floor(this.#capacity / size) * size;
    return (this.#isFree(start) ? start : Math.ceil(this.#capacity / size) * size) + size;
  }

  /** Whether everything from `start` to the end is free. No used block can reach across `start`. */
  #isFree(start: number): boolean {
    let unit = start;
    while (unit < this.#capacity) {
      const heading = this.#heading[unit] ?? 0;
      if (heading < FREE || heading >= USED) return false;
      unit += 2 ** (heading - FREE);
    }
    return true;
  }

  /** The largest order a block at `unit` can have inside the capacity. */
  #orderAt(unit: number, capacity: number): number {
    let order = 0;
    while (
      order < this.#orderMax &&
      unit % 2 ** (order + 1) === 0 &&
      unit + 2 ** (order + 1) <= capacity
    ) {
      order++;
    }
    return order;
  }

  #release(freed: number, freedOrder: number): void {
    let unit = freed;
    let order = freedOrder;
    while (order < this.#orderMax) {
      const buddy = unit ^ (2 ** order);
      if (buddy >= this.#capacity || this.#heading[buddy] !== FREE + order) break;
      this.#unlink(buddy, order);
      unit = Math.min(unit, buddy);
      order++;
    }
    this.#link(unit, order);
  }

  #head(order: number): number {
    return this.#heads[order] ?? NONE;
  }

  #link(unit: number, order: number): void {
    const head = this.#head(order);
    this.#heading[unit] = FREE + order;
    this.#next[unit] = head;
    this.#previous[unit] = NONE;
    if (head !== NONE) this.#previous[head] = unit;
    this.#heads[order] = unit;
  }

  #unlink(unit: number, order: number): void {
    const next = this.#next[unit] ?? NONE;
    const previous = this.#previous[unit] ?? NONE;
    this.#heading[unit] = 0;
    if (next !== NONE) this.#previous[next] = previous;
    if (previous === NONE) this.#heads[order] = next;
    else this.#next[previous] = next;
  }

  /** Nine bytes a unit, doubled when they run out. */
  #reserve(capacity: number): void {
    if (capacity <= this.#heading.length) return;
    const length = Math.max(capacity, this.#heading.length * 2);
    this.#heading = grown(this.#heading, new Uint8Array(length));
    this.#next = grown(this.#next, new Int32Array(length));
    this.#previous = grown(this.#previous, new Int32Array(length));
  }
}

/** The blocks of neighbouring units whose first is a multiple of more than they are. */
function* blocksOf(first: number, units: number): Iterable<{ unit: number; order: number }> {
  let unit = first;
  for (let left = units; left > 0;) {
    const order = 31 - Math.clz32(left);
    yield { unit, order };
    unit += 2 ** order;
    left -= 2 ** order;
  }
}

function lowestBit(number: number): number {
  return number & -number;
}

function grown<Values extends Uint8Array | Int32Array>(source: Values, target: Values): Values {
  target.set(source);
  return target;
}
