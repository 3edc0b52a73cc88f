/** The keys beside a matrix: a text file with one key a line. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** Where the keys of an exported matrix are. */
export function keysPathOf(path: string): string {
  return `${path}.keys`;
}

/** Keys from a row on, `count` at a time; the last group may be shorter. */
export async function* readKeyLines(
  path: string,
  row: number,
  count: number,
): AsyncGenerator<readonly string[]> {
  const lines = createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Infinity });
  let group: string[] = [];
  let passed = 0;
  for await (const line of lines) {
    if (passed++ < row) continue;
    group.push(line);
    if (group.length === count) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}
