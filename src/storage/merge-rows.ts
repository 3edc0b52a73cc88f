/** Merges runs of sorted rows; of equal keys the run that comes first wins. */
import type { TableRow } from "./sorted-table-format.ts";

/** @param runs newest first; each yields pieces of rows in key order. */
export async function* mergeRows(
  runs: readonly AsyncIterable<readonly TableRow[]>[],
): AsyncIterable<TableRow> {
  const cursors: RunCursor[] = [];
  for (const run of runs) {
    const cursor = new RunCursor(run);
    await cursor.advance();
    cursors.push(cursor);
  }
  try {
    for (;;) {
      let best: TableRow | undefined;
      for (const { row } of cursors) {
        if (row !== undefined && (best === undefined || row.key < best.key)) best = row;
      }
      if (best === undefined) return;
      for (const cursor of cursors) if (cursor.row?.key === best.key) await cursor.advance();
      yield best;
    }
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

class RunCursor {
  /** Where it stands; undefined at the end. */
  row: TableRow | undefined;
  readonly #pieces: AsyncIterator<readonly TableRow[]>;
  #piece: readonly TableRow[] = [];
  #at = -1;

  constructor(run: AsyncIterable<readonly TableRow[]>) {
    this.#pieces = run[Symbol.asyncIterator]();
  }

  async advance(): Promise<void> {
    this.#at++;
    while (this.#at >= this.#piece.length) {
      const next = await this.#pieces.next();
      if (next.done === true) {
        this.row = undefined;
        return;
      }
      this.#piece = next.value;
      this.#at = 0;
    }
    this.row = this.#piece[this.#at];
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
