/**
 * Dimension to a number, open addressing in typed arrays: a `Map` takes several times as long for
 * the millions of values of a build.
 */
export class DimensionTable {
  #slots = new Int32Array(1024).fill(-1);
  #dimensions = new Uint32Array(512);
  #numbers = new Float64Array(512);
  #size = 0;

  /** Adds to the number of a dimension, 0 before; the number from before. */
  add(dimension: number, change: number): number {
    const entry = this.#entry(dimension);
    const before = this.#numbers[entry] ?? 0;
    this.#numbers[entry] = before + change;
    return before;
  }

  /** -1 for a dimension that was never given. */
  get(dimension: number): number {
    const entry = this.#slots[this.#slot(dimension)] ?? -1;
    return entry < 0 ? -1 : (this.#numbers[entry] ?? -1);
  }

  /** Ascending. */
  dimensions(): Uint32Array {
    return this.#dimensions.slice(0, this.#size).sort();
  }

  #entry(dimension: number): number {
    const known = this.#slots[this.#slot(dimension)] ?? -1;
    if (known >= 0) return known;
    if (this.#size === this.#dimensions.length) this.#grow();
    const entry = this.#size;
    this.#slots[this.#slot(dimension)] = entry;
    this.#dimensions[entry] = dimension;
    this.#size++;
    return entry;
  }

  /** The slot that has the dimension, or the empty one where it belongs. */
  #slot(dimension: number): number {
    const mask = this.#slots.length - 1;
    // Fibonacci hashing: neighbours are spread.
    let slot = (Math.imul(dimension, 0x9e37_79b1) >>> 8) & mask;
    for (;;) {
      const entry = this.#slots[slot] ?? -1;
      if (entry < 0 || this.#dimensions[entry] === dimension) return slot;
      slot = (slot + 1) & mask;
    }
  }

  /** Half of the slots stay empty. */
  #grow(): void {
    const dimensions = new Uint32Array(this.#dimensions.length * 2);
    dimensions.set(this.#dimensions);
    this.#dimensions = dimensions;
    const numbers = new Float64Array(dimensions.length);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    for (let entry = 0; entry < this.#size; entry++) {
      this.#slots[this.#slot(dimensions[entry] ?? 0)] = entry;
    }
  }
}
