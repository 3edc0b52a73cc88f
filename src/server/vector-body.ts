/**
 * Takes the vectors out of one JSON body, the same on the control thread and in a parse worker: all
 * their numbers in one block of float32, the rest as a small text.
 */
import { hash } from "node:crypto";
import { InsulaError } from "../base/errors.ts";
import { DIMENSION_MAX } from "../base/limits.ts";
import { NumberParser, PARSE_FAILURES, type WasmModule } from "../math/index.ts";
import { scanJsonArrays, type MemberPath } from "../wire/index.ts";

/**
 * Longest body of all dialects, bytes. Source: 80 MiB of PutVectors; each dialect has its own bound
 * below.
 */
const BODY_BYTES_MAX = 134_217_728;
/** A parser that held a longer body is let go: its memory would stay that large for ever, bytes. */
const KEPT_BODY_BYTES_MAX = 16_777_216;
/** Numbers the block may have room for between two bodies. Source: 500 vectors of 4,096, 8 MiB. */
const KEPT_NUMBERS_MAX = 2_097_152;

/** A text is cut after so many bytes of its body: parsed in about half a millisecond at most. */
const CUT_BYTES = 32_768;

/** What is to be done with a body; can be cloned between threads. */
export interface VectorBodyJob {
  readonly body: Uint8Array;
  readonly patterns: readonly MemberPath[];
  /** In base64. */
  readonly md5: string | undefined;
}

/** A body taken apart; its arrays own their memory and can be transferred. */
export interface SplitVectorBody {
  /** False when the MD5 given is not the body's: then it was not looked into. */
  readonly isIntact: boolean;
  /** As `ScannedBody.text`. */
  readonly text: string;
  /** As `ScannedBody.more`. */
  readonly more: readonly string[];
  /** The numbers of all lists, one after the other. */
  readonly numbers: Float32Array<ArrayBuffer>;
  /** Numbers of each list. */
  readonly lengths: Uint32Array<ArrayBuffer>;
}

/** One for each thread. */
export class VectorBodySplitter {
  readonly #module: WasmModule;
  #parser: NumberParser;
  /**
   * At least DIMENSION_MAX numbers beyond what is used, so that a list is refused for its own
   * length only.
   */
  #block = new Float32Array(2 * DIMENSION_MAX);
  #used = 0;
  readonly #lengths: number[] = [];

  constructor(module: WasmModule) {
    this.#module = module;
    this.#parser = new NumberParser(module, BODY_BYTES_MAX);
  }

  /**
   * @throws InsulaError `vector_invalid` for a list at a pattern's place that holds anything but
   *   numbers, too many
   *         of them, or one that is infinite as float32; `body_malformed` for other faults.
   */
  split({ body, patterns, md5 }: VectorBodyJob): SplitVectorBody {
    if (md5 !== undefined && hash("md5", body, "base64") !== md5) return DAMAGED;
    this.#used = 0;
    this.#lengths.length = 0;
    try {
      this.#parser.load(body);
      const { text, more } = scanJsonArrays(body, {
        paths: patterns,
        parseArray: this.#parseArray,
        ...(body.length > CUT_BYTES ? { cutBytes: CUT_BYTES } : {}),
      });
      const numbers = this.#block.slice(0, this.#used);
      return { isIntact: true, text, more, numbers, lengths: Uint32Array.from(this.#lengths) };
    } finally {
      if (body.length > KEPT_BODY_BYTES_MAX)
        this.#parser = new NumberParser(this.#module, BODY_BYTES_MAX);
      if (this.#block.length > KEPT_NUMBERS_MAX) this.#block = new Float32Array(2 * DIMENSION_MAX);
    }
  }

  readonly #parseArray = (start: number): number => {
    if (this.#block.length - this.#used < DIMENSION_MAX) this.#growBlock();
    const { count, end } = this.#parser.parseAt(start, this.#block, this.#used);
    if (count < 0) throw refusal(count, start, end);
    this.#used += count;
    this.#lengths.push(count);
    return end;
  };

  #growBlock(): void {
    const larger = new Float32Array(this.#block.length * 2);
    larger.set(this.#block.subarray(0, this.#used));
    this.#block = larger;
  }
}

const DAMAGED: SplitVectorBody = {
  isIntact: false,
  text: "",
  more: [],
  numbers: new Float32Array(),
  lengths: new Uint32Array(),
};

function refusal(failure: number, start: number, position: number): InsulaError {
  const at = `in the list at byte ${String(start)}`;
  const details = { details: { position } };
  switch (failure) {
    case PARSE_FAILURES.notANumber:
      return invalid(`expected numbers only ${at}, received something else`, details);
    case PARSE_FAILURES.tooMany:
      return invalid(
        `expected at most ${String(DIMENSION_MAX)} numbers ${at}, received more`,
        details,
      );
    case PARSE_FAILURES.outOfRange:
      return invalid(
        `expected numbers that float32 can hold ${at}, received a larger one`,
        details,
      );
    default:
      return new InsulaError(
        "body_malformed",
        `Cannot parse the JSON body: expected a list of numbers at position ${String(position)}.`,
        { details: { position, reason: "expected a list of numbers" } },
      );
  }
}

function invalid(
  reason: string,
  options: { readonly details: { readonly position: number } },
): InsulaError {
  return new InsulaError("vector_invalid", `Cannot use a vector: ${reason}.`, options);
}
