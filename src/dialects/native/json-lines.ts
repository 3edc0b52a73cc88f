/** Answers of JSON Lines, whose length nobody knows when they begin. */
import { isInsulaError, type ErrorKind } from "../../base/errors.ts";
import { toProblem } from "./problem.ts";

/** Lines that are made while they are sent. */
export class JsonLines {
  readonly pieces: AsyncIterable<Uint8Array>;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.pieces = pieces;
  }
}

/**
 * With the first piece made, so that what is refused at once is refused with a status of its own.
 *
 * @throws what the first piece throws.
 */
export async function beginLines(pieces: AsyncGenerator<Uint8Array>): Promise<JsonLines> {
  const first = await pieces.next();
  return new JsonLines(behind(first, pieces));
}

async function* behind(
  first: IteratorResult<Uint8Array>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    if (first.done !== true) yield first.value;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

/**
 * The lines as they are sent. One that fails on the way says why in a last line, `{"problem": …}`,
 * and throws what it was.
 *
 * @param end called once: a client that went away is one whose deadline passed.
 */
export async function* sentLines(
  { pieces }: JsonLines,
  requestId: string,
  end: (outcome: "ok" | ErrorKind) => void,
): AsyncGenerator<Uint8Array, void, void> {
  let outcome: "ok" | ErrorKind = "deadline_exceeded";
  try {
    yield* pieces;
    outcome = "ok";
  } catch (error) {
    outcome = isInsulaError(error) ? error.kind : "internal";
    yield Buffer.from(`${JSON.stringify({ problem: toProblem(error, requestId) })}\n`);
    throw error;
  } finally {
    end(outcome);
  }
}
