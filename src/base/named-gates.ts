/** A gate for each name, all of one width; kept only while somebody is in it or waits. */
import { WeightedGate } from "./weighted-gate.ts";

interface Named {
  readonly gate: WeightedGate;
  users: number;
}

export class NamedGates {
  readonly #weightMax: number;
  readonly #gates = new Map<string, Named>();

  /** @param weightMax as of {@link WeightedGate}, for each name. */
  constructor(weightMax: number) {
    this.#weightMax = weightMax;
  }

  /** Names that are remembered. */
  get count(): number {
    return this.#gates.size;
  }

  /** @returns gives the place back, when it is let in; to be called once. */
  async enter(name: string, weight: number): Promise<() => void> {
    const named = this.#gates.get(name) ?? { gate: new WeightedGate(this.#weightMax), users: 0 };
    this.#gates.set(name, named);
    named.users++;
    const leave = await named.gate.enter(weight);
    return () => {
      leave();
      if (--named.users === 0) this.#gates.delete(name);
    };
  }
}
