/**
 * Runs tasks of one name one after the other; tasks of different names do not wait for each other.
 * A task of several names takes its turn at all of them in one step: two can never wait for each
 * other.
 */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  /** True while a task of the name runs or waits. */
  isHeld(name: string): boolean {
    return this.#tails.has(name);
  }

  run<Value>(name: string, task: () => Promise<Value>): Promise<Value> {
    return this.runAll([name], task);
  }

  /** @param names each at most once. */
  async runAll<Value>(names: readonly string[], task: () => Promise<Value>): Promise<Value> {
    const before = names.map((name) => this.#tails.get(name));
    let open: () => void = () => undefined;
    const tail = new Promise<void>((resolve) => {
      open = resolve;
    });
    for (const name of names) this.#tails.set(name, tail);
    for (const earlier of before) if (earlier !== undefined) await earlier;
    try {
      return await task();
    } finally {
      for (const name of names) if (this.#tails.get(name) === tail) this.#tails.delete(name);
      open();
    }
  }
}
