/** Lets work in while what is under way stays below a sum of weights; first come, first served. */

interface Waiting {
  readonly weight: number;
  readonly begin: () => void;
}

export class WeightedGate {
  readonly #weightMax: number;
  /** In the order they came; the first does not fit yet, and nobody passes it. */
  readonly #waiting: Waiting[] = [];
  #weight = 0;
  #count = 0;

  /** @param weightMax of all work under way; heavier work goes alone. */
  constructor(weightMax: number) {
    this.#weightMax = weightMax;
  }

  async run<Value>(weight: number, work: () => Promise<Value>): Promise<Value> {
    const leave = await this.enter(weight);
    try {
      return await work();
    } finally {
      leave();
    }
  }

  /** @returns gives the place back, when it is let in; to be called once. */
  async enter(weight: number): Promise<() => void> {
    const counted = Math.min(weight, this.#weightMax);
    if (this.#waiting.length > 0 || !this.#fits(counted)) {
      await new Promise<void>((begin) => this.#waiting.push({ weight: counted, begin }));
    } else {
      this.#enter(counted);
    }
    return () => {
      this.#weight -= counted;
      this.#count--;
      this.#letIn();
    };
  }

  #fits(weight: number): boolean {
    return this.#count === 0 || this.#weight + weight <= this.#weightMax;
  }

  #enter(weight: number): void {
    this.#weight += weight;
    this.#count++;
  }

  #letIn(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || !this.#fits(first.weight)) return;
      this.#waiting.shift();
      this.#enter(first.weight);
      first.begin();
    }
  }
}
