/** What a bench makes of its sizes alone, kept beside the builds: a million rows take minutes. */
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import type { Truth } from "./exact-truth.ts";

/** A read or a write of a file takes less than 2 GiB. */
const STEP_BYTES = 2 ** 28;

/** The numbers of an earlier run, or those of `make`, which the file has afterwards. */
export function keptNumbers(path: string, count: number, make: () => Float32Array): Float32Array {
  if (!existsSync(path)) {
    const made = make();
    const file = openSync(`${path}.new`, "w");
    for (const part of partsOf(made)) writeSync(file, part);
    closeSync(file);
    renameSync(`${path}.new`, path);
    return made;
  }
  const numbers = new Float32Array(count);
  const file = openSync(path, "r");
  for (const part of partsOf(numbers)) {
    if (readSync(file, part) !== part.length) throw new Error(`${path} is too short.`);
  }
  closeSync(file);
  return numbers;
}

function* partsOf({ buffer, byteOffset, byteLength }: Float32Array): Generator<Uint8Array> {
  for (let at = 0; at < byteLength; at += STEP_BYTES) {
    yield new Uint8Array(buffer, byteOffset + at, Math.min(STEP_BYTES, byteLength - at));
  }
}

/** The true neighbours of an earlier run of the same rows and queries, or those of `make`. */
export async function keptTruth(path: string, make: () => Promise<Truth>): Promise<Truth> {
  if (existsSync(path)) {
    return (JSON.parse(readFileSync(path, "utf8")) as number[][]).map((rows) => new Set(rows));
  }
  const made = await make();
  writeFileSync(`${path}.new`, JSON.stringify(made.map((rows) => [...rows])));
  renameSync(`${path}.new`, path);
  return made;
}
