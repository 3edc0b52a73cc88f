/**
 * JSON of an answer, put together piece by piece. Of a long one the thread is given back between
 * its items, and what is there of it becomes bytes meanwhile: so no piece of it is long, neither
 * while it is printed nor when it is sent.
 */
import { inTurns, SLICE_STEPS, unpaced, type Pace } from "../base/pace.ts";
import type { HttpAnswer } from "../wire/index.ts";
import type { DialectContext } from "./dialect.ts";

/** Characters that become bytes together. */
const PART_LENGTH = 65_536;
/** Characters printed between two looks at the pace. */
const LOOK_LENGTH = 4_096;
/**
 * Characters that are printed at once. Behind them the answer waits for a turn in any case: many
 * that are printed at the same time would each have a slice of its own.
 */
const FIRST_LENGTH = 16_384;
/** What a hit is taken for before it is there. */
export const HIT_BYTES = 128;
/** About 12 ns: a number's digits are found by trial. */
const STEPS_PER_CHARACTER = 3;

/** Text while it is short, else bytes of UTF-8, one part behind the other. */
export type PrintedText = string | readonly Uint8Array[];

export class AnswerText {
  readonly #pace: Pace;
  readonly #parts: Uint8Array[] = [];
  #text = "";

  /** @param pace absent: all of it at once. */
  constructor(pace: Pace | undefined) {
    this.#pace = pace ?? unpaced();
  }

  /** @param text whole characters: what is cut here is not put together again. */
  add(text: string): this {
    this.#text += text;
    if (this.#text.length >= PART_LENGTH) {
      this.#parts.push(Buffer.from(this.#text));
      this.#text = "";
    }
    return this;
  }

  /** Adds items with commas between them. @throws what `print` throws. */
  async list<Item>(items: Iterable<Item>, print: (item: Item) => string): Promise<this> {
    await inTurns(this.#addAll(items, print, ","), this.#pace);
    return this;
  }

  /** Adds items, each with the end of a line behind it. @throws what `print` throws. */
  async lines<Item>(items: Iterable<Item>, print: (item: Item) => string): Promise<this> {
    await inTurns(
      this.#addAll(items, (item) => `${print(item)}\n`, ""),
      this.#pace,
    );
    return this;
  }

  /** All that was added; nothing may be added any more. */
  finish(): PrintedText {
    if (this.#parts.length === 0) return this.#text;
    if (this.#text !== "") this.#parts.push(Buffer.from(this.#text));
    return this.#parts;
  }

  /** What was printed is paid for behind it: nobody knows before how long an item is. */
  *#addAll<Item>(
    items: Iterable<Item>,
    print: (item: Item) => string,
    between: string,
  ): Generator<number, void, void> {
    let separator = "";
    let length = 0;
    let isFirst = this.#parts.length === 0;
    for (const item of items) {
      const text = print(item);
      this.add(separator + text);
      separator = between;
      length += text.length;
      if (length < (isFirst ? FIRST_LENGTH : LOOK_LENGTH)) continue;
      yield isFirst ? SLICE_STEPS : length * STEPS_PER_CHARACTER;
      isFirst = false;
      length = 0;
    }
  }
}

/** Where an answer of this place is printed, as long as somebody waits for it. */
export function answerTextOf(
  { turnsOf }: Pick<DialectContext, "turnsOf">,
  place: PlaceName & { readonly signal?: AbortSignal | undefined },
): AnswerText {
  const { signal } = place;
  return new AnswerText(turnsOf?.({ flow: flowOf(place), kind: "query", signal }).pace);
}

interface PlaceName {
  readonly database: string;
  readonly collection: string;
  readonly tenant?: string | undefined;
}

/** The flow of a place in the turns of bodies and answers. */
export function flowOf({ database, collection, tenant = "" }: PlaceName): string {
  return [database, collection, tenant].join("\n");
}

/** The printed text as an answer has it. */
export function bodyOf(printed: PrintedText): Pick<HttpAnswer, "body" | "parts"> {
  return typeof printed === "string" ? { body: printed } : { parts: printed };
}
