/** The nearest of rows that pass by, by the product of unit vectors: nothing else is kept. */
export class NearestRows {
  readonly #k: number;
  readonly #best: { readonly row: number; readonly product: number }[] = [];

  constructor(k: number) {
    this.#k = k;
  }

  get rows(): readonly number[] {
    return this.#best.map(({ row }) => row);
  }

  see(query: Float32Array, values: Float32Array, firstRow: number): void {
    const count = values.length / query.length;
    for (let i = 0; i < count; i++) {
      let product = 0;
      const start = i * query.length;
      for (let j = 0; j < query.length; j++) product += (query[j] ?? 0) * (values[start + j] ?? 0);
      if (this.#best.length === this.#k && product <= (this.#best[this.#k - 1]?.product ?? 0))
        continue;
      this.#best.push({ row: firstRow + i, product });
      this.#best.sort((a, b) => b.product - a.product);
      if (this.#best.length > this.#k) this.#best.pop();
    }
  }
}
