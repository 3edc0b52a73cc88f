/** Gives the thread back now and then in loops over everything that a mirror knows. */
import type { Clock } from "../io/index.ts";

/** Files, pieces or ranges between two turns of the event loop: 1 ms, 2 when they are applied. */
export const ITEMS_PER_TURN = 512;
/** Bytes sealed, copied or summed up that take as long as an item. */
const BYTES_PER_ITEM = 2_048;
/** Bytes that are handed on in one part: a turn. */
export const PART_BYTES = 1_048_576;

export class Turns {
  readonly #clock: Pick<Clock, "yield"> | undefined;
  #left = ITEMS_PER_TURN;

  /** @param clock absent where nothing else waits, as in a command: then no turn ends. */
  constructor(clock?: Pick<Clock, "yield">) {
    this.#clock = clock;
  }

  /** Counts; true when it is time for {@link Turns.next}. So a loop awaits only then. */
  isOver(items = 1): boolean {
    this.#left -= items;
    return this.#left <= 0 && this.#clock !== undefined;
  }

  isOverAfterBytes(bytes: number): boolean {
    return this.isOver(Math.ceil(bytes / BYTES_PER_ITEM));
  }

  async next(): Promise<void> {
    this.#left = ITEMS_PER_TURN;
    await this.#clock?.yield();
  }
}

/** Visits each; an item that counts for more says so. */
export async function eachInTurns<T>(
  items: Iterable<T>,
  turns: Turns,
  visit: (item: T) => number | undefined,
): Promise<void> {
  for (const item of items) {
    if (turns.isOver(visit(item) ?? 1)) await turns.next();
  }
}

/** Views of at most {@link PART_BYTES} that together are the bytes. */
export function* partsOf(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let start = 0; start < bytes.length; start += PART_BYTES) {
    yield bytes.subarray(start, start + PART_BYTES);
  }
}
