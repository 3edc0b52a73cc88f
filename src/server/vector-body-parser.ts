/**
 * Parses JSON bodies that are mostly numbers, without stopping anybody else: short ones at once on
 * the control thread, long ones in a parse worker.
 */
import { availableParallelism } from "node:os";
import type { DialectContext, ParsedVectorBody } from "../dialects/index.ts";
import { findProgramFile, readProgramFile, ThreadPool } from "../io/index.ts";
import { loadNumberParserModule, NUMBER_PARSER_FILE } from "../math/index.ts";
import { parseJsonExact } from "../wire/index.ts";
import { SPLIT_JOB } from "./split-job.ts";
import { VectorBodySplitter, type SplitVectorBody, type VectorBodyJob } from "./vector-body.ts";

/**
 * Bodies above this are parsed in a worker, bytes. Source: about 0.3 ms; a hand-off costs 0.1 ms.
 */
export const CONTROL_BODY_BYTES_MAX = 262_144;

const ENTRY_FILE = {
  beside: new URL("./parse-worker-entry.js", import.meta.url),
  place: "server/parse-worker-entry.js",
};

/**
 * One for a server. The worker starts with the first long body and does not keep the process alive.
 *
 * The text that is left of a long body is parsed on the control thread: taking it over as cloned
 * objects costs as much as parsing it, and a clone would give every object a prototype again.
 */
export class VectorBodyParser {
  readonly #workers: ThreadPool;
  #splitter: VectorBodySplitter | undefined;
  #loading: Promise<VectorBodySplitter> | undefined;

  constructor() {
    const entry = findProgramFile(ENTRY_FILE);
    this.#workers = new ThreadPool(entry, availableParallelism() >= 4 ? 2 : 1);
  }

  /**
   * As `DialectContext.parseVectorBody`. Cost for a query of 1,024 numbers of 17 digits: about 25
   * µs, 19 of them for the digits.
   */
  readonly parse: DialectContext["parseVectorBody"] = async (body, patterns, md5) => {
    const job = { body, patterns, md5 };
    if (body.length > CONTROL_BODY_BYTES_MAX) return join(await this.#splitInWorker(job));
    const splitter = this.#splitter ?? (await this.#load());
    return join(splitter.split(job));
  };

  /** Waits for the bodies under way. */
  close(): Promise<void> {
    return this.#workers.close();
  }

  async #splitInWorker(job: VectorBodyJob): Promise<SplitVectorBody> {
    const { buffer, byteLength } = job.body;
    const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
    const result = await this.#workers.run(SPLIT_JOB, job, isWhole ? [buffer] : []);
    return result as SplitVectorBody;
  }

  #load(): Promise<VectorBodySplitter> {
    this.#loading ??= readProgramFile(NUMBER_PARSER_FILE).then(
      (bytes) => (this.#splitter = new VectorBodySplitter(loadNumberParserModule(bytes))),
    );
    return this.#loading;
  }
}

function join({ isIntact, text, numbers, lengths }: SplitVectorBody): ParsedVectorBody {
  if (!isIntact) return { isIntact, json: null, arrays: [] };
  const arrays: Float32Array[] = [];
  let start = 0;
  for (const length of lengths) arrays.push(numbers.subarray(start, (start += length)));
  return { isIntact, json: parseJsonExact(text), arrays };
}
