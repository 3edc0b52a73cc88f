/** A clock for tests of listeners. */
import type { ListenerClock } from "./body.ts";

/** Real time, for sockets; `hurry` makes due whatever waits. */
export class HurriedClock implements ListenerClock {
  #nowMs = 0;
  readonly #tasks = new Set<{ dueMs: number; task: () => void }>();

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, task: () => void): { cancel(): void } {
    const entry = { dueMs: this.#nowMs + delayMs, task };
    this.#tasks.add(entry);
    return { cancel: () => void this.#tasks.delete(entry) };
  }

  hurry(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#tasks].filter((entry) => entry.dueMs <= endMs);
      const next = due.sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#tasks.delete(next);
      this.#nowMs = next.dueMs;
      next.task();
    }
    this.#nowMs = endMs;
  }
}
