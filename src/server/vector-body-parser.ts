/**
 * Parses JSON bodies that are mostly numbers, without stopping anybody else: short ones at once on
 * the control thread, long ones in a parse worker.
 */
import { availableParallelism } from "node:os";
import type { BodyTurns, DialectContext, ParsedVectorBody, TurnsAsked } from "../dialects/index.ts";
import { findProgramFile, readProgramFile, ThreadPool } from "../io/index.ts";
import { loadNumberParserModule, NUMBER_PARSER_FILE } from "../math/index.ts";
import type { FairTurns } from "../base/fair-turns.ts";
import { inTurns, Pace } from "../base/pace.ts";
import { FairPool } from "../engine/index.ts";
import { parseJsonParts } from "../wire/index.ts";
import { SPLIT_JOB } from "./split-job.ts";
import { VectorBodySplitter, type SplitVectorBody, type VectorBodyJob } from "./vector-body.ts";

/**
 * Bodies above this are parsed in a worker, bytes. Source: about 0.3 ms; a hand-off costs 0.1 ms.
 */
export const CONTROL_BODY_BYTES_MAX = 262_144;

/**
 * Bodies from this on are parsed when it is their turn: many that come at once would all be parsed
 * before anybody else is heard. Shorter ones cost less than the waiting.
 */
export const TURN_BODY_BYTES_MIN = 8_192;
/** Of a body in a work unit: what is left of it when its numbers are gone, and all of it. */
const UNIT_TEXT_LENGTH = 2_048;
const UNIT_BODY_BYTES = 65_536;

const ENTRY_FILE = {
  beside: new URL("./parse-worker-entry.js", import.meta.url),
  place: "server/parse-worker-entry.js",
};

/** Bodies of which nobody said whose they are. */
const NOBODYS: TurnsAsked = { flow: "", kind: "write" };

/**
 * One for a server. The worker starts with the first long body and does not keep the process alive.
 *
 * The text that is left of a long body is parsed on the control thread: taking it over as cloned
 * objects costs as much as parsing it, and a clone would give every object a prototype again.
 */
export class VectorBodyParser {
  readonly #workers: ThreadPool;
  /** Bodies of one tenant wait for the worker behind one another, not before those of others. */
  readonly #jobs: FairPool;
  readonly #turns: FairTurns;
  #splitter: VectorBodySplitter | undefined;
  #loading: Promise<VectorBodySplitter> | undefined;

  /** @param turns of the control thread. */
  constructor(turns: FairTurns) {
    const entry = findProgramFile(ENTRY_FILE);
    this.#workers = new ThreadPool(entry, availableParallelism() >= 4 ? 2 : 1);
    this.#jobs = new FairPool(this.#workers, () => 1);
    this.#turns = turns;
  }

  /** As `DialectContext.turnsOf`. */
  readonly turnsOf = (asked: TurnsAsked): BodyTurns => ({
    ...asked,
    pace: new Pace(() => this.#turns.next(asked.flow, asked.kind), asked.signal),
  });

  /**
   * As `DialectContext.parseVectorBody`. Cost for a query of 1,024 numbers of 17 digits: about 25
   * µs, 19 of them for the digits.
   */
  readonly parse: DialectContext["parseVectorBody"] = async (body, patterns, md5, turns) => {
    const job = { body, patterns, md5 };
    const whose = turns ?? this.turnsOf(NOBODYS);
    if (body.length > CONTROL_BODY_BYTES_MAX) {
      const split = await this.#splitInWorker(job, whose.flow);
      await whose.unpack?.(textLength(split));
      return join(split, whose.pace);
    }
    const splitter = this.#splitter ?? (await this.#load());
    if (body.length < TURN_BODY_BYTES_MIN) return join(splitter.split(job), whose.pace);
    const units = body.length / UNIT_BODY_BYTES;
    const split = await this.#inTurn(whose, units, () => splitter.split(job));
    // Between the two turns: whoever waits here holds up nobody who need not.
    await whose.unpack?.(textLength(split));
    const textUnits = textLength(split) / UNIT_TEXT_LENGTH;
    return this.#inTurn(whose, textUnits, () => join(split, whose.pace));
  };

  /** Waits for the bodies under way. */
  close(): Promise<void> {
    return this.#workers.close();
  }

  async #inTurn<Value>(
    { flow, kind, signal }: BodyTurns,
    units: number,
    work: () => Value | Promise<Value>,
  ): Promise<Value> {
    const turn = await this.#turns.enter(flow, { kind, signal });
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      this.#turns.leave(turn, units);
    }
  }

  async #splitInWorker(job: VectorBodyJob, flow: string): Promise<SplitVectorBody> {
    const { buffer, byteLength } = job.body;
    const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
    const result = await this.#jobs.of(flow).run(SPLIT_JOB, job, isWhole ? [buffer] : []);
    return result as SplitVectorBody;
  }

  #load(): Promise<VectorBodySplitter> {
    this.#loading ??= readProgramFile(NUMBER_PARSER_FILE).then(
      (bytes) => (this.#splitter = new VectorBodySplitter(loadNumberParserModule(bytes))),
    );
    return this.#loading;
  }
}

/** Of a body without its numbers. */
function textLength({ text, more }: SplitVectorBody): number {
  return more.reduce((length, part) => length + part.length, text.length);
}

async function join(
  { isIntact, text, more, numbers, lengths }: SplitVectorBody,
  pace: Pace,
): Promise<ParsedVectorBody> {
  if (!isIntact) return { isIntact, json: null, arrays: [] };
  const arrays: Float32Array[] = [];
  let start = 0;
  for (const length of lengths) arrays.push(numbers.subarray(start, (start += length)));
  return { isIntact, json: await inTurns(parseJsonParts(text, more), pace), arrays };
}
