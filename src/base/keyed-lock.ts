/**
 * Runs tasks of one name one after the other; tasks of different names do not wait for each other.
 */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  async run<Value>(name: string, task: () => Promise<Value>): Promise<Value> {
    const before = this.#tails.get(name);
    let open: () => void = () => undefined;
    const tail = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.#tails.set(name, tail);
    if (before !== undefined) await before;
    try {
      return await task();
    } finally {
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
      open();
    }
  }
}
