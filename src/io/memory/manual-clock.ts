/** Time that moves only when told: for tests and for the simulation. */
import type { Clock, Timer } from "../clock.ts";

interface Alarm {
  readonly atMs: number;
  readonly order: number;
  readonly task: () => void;
}

/**
 * Both clocks start where told and move together unless {@link ManualClock.jumpWall} parts them.
 */
export class ManualClock implements Clock {
  #monotonicMs = 0;
  #wallOffsetMs: number;
  #order = 0;
  #alarms: Alarm[] = [];

  constructor(wallMs = 1_700_000_000_000) {
    this.#wallOffsetMs = wallMs;
  }

  /** Timers waiting. */
  get pendingCount(): number {
    return this.#alarms.length;
  }

  wallMs(): number {
    return this.#wallOffsetMs + this.#monotonicMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, task: () => void): Timer {
    const alarm = { atMs: this.#monotonicMs + Math.max(0, delayMs), order: this.#order++, task };
    this.#alarms.push(alarm);
    return {
      cancel: () => {
        this.#alarms = this.#alarms.filter((other) => other !== alarm);
      },
    };
  }

  /** Only microtasks: simulated time does not pass by giving the thread back. */
  async yield(): Promise<void> {
    await Promise.resolve();
  }

  /** Moves the wall clock alone, as a correction by the network would. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /**
   * Moves time and runs what is due, in order of due time, then of setting; also what those set.
   */
  advance(byMs: number): void {
    const endMs = this.#monotonicMs + byMs;
    for (let next = this.#takeDue(endMs); next !== undefined; next = this.#takeDue(endMs)) {
      this.#monotonicMs = Math.max(this.#monotonicMs, next.atMs);
      next.task();
    }
    this.#monotonicMs = endMs;
  }

  #takeDue(endMs: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.atMs > endMs) continue;
      if (
        first === undefined ||
        alarm.atMs < first.atMs ||
        (alarm.atMs === first.atMs && alarm.order < first.order)
      ) {
        first = alarm;
      }
    }
    if (first !== undefined) this.#alarms = this.#alarms.filter((other) => other !== first);
    return first;
  }
}
