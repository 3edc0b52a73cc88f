/** Lets work in while what is under way stays below a sum of weights; first come, first served. */

export class WeightedGate {
  readonly #weightMax: number;
  readonly #waiting: (() => void)[] = [];
  #weight = 0;
  #count = 0;

  /** @param weightMax of all work under way; heavier work goes alone. */
  constructor(weightMax: number) {
    this.#weightMax = weightMax;
  }

  async run<Value>(weight: number, work: () => Promise<Value>): Promise<Value> {
    const counted = Math.min(weight, this.#weightMax);
    while (this.#count > 0 && this.#weight + counted > this.#weightMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#weight += counted;
    this.#count++;
    try {
      return await work();
    } finally {
      this.#weight -= counted;
      this.#count--;
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }
}
