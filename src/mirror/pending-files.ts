/** What is in the store already and in no point yet: the next point will say that it counts. */
import { InsulaError } from "../base/errors.ts";
import { joinedFrom } from "./join-ranges.ts";
import type { FileChange, MirrorState, PieceRange } from "./mirror-state.ts";
import { isInWholeFolder } from "./point-plan.ts";
import { eachInTurns, type Turns } from "./turns.ts";

interface PendingFile {
  /** Ranges of the newest point that stay; those behind them are sent again. */
  readonly kept: number;
  readonly ranges: readonly PieceRange[];
}

export class PendingFiles {
  readonly #state: MirrorState;
  readonly #files = new Map<string, PendingFile>();
  /** Those of which less has arrived than was sent. */
  readonly #partial = new Set<string>();
  /** Paths in the store, in a point or pending, of folders that an image names completely. */
  readonly #wholePaths = new Set<string>();
  /** Pieces that are in the store, or may be, and that no point will name. */
  readonly #strays = new Set<string>();
  /** Pieces of which a range is pending no more. Another range of them may be. */
  readonly #dropped = new Set<string>();

  private constructor(state: MirrorState) {
    this.#state = state;
  }

  /** @param state of the newest point, whoever changes it. */
  static async open(state: MirrorState, turns: Turns): Promise<PendingFiles> {
    const files = new PendingFiles(state);
    await eachInTurns(state.files.keys(), turns, (path) => {
      files.#noteThere(path);
    });
    return files;
  }

  has(path: string): boolean {
    return this.#files.has(path) || this.#state.has(path);
  }

  isPartial(path: string): boolean {
    return this.#partial.has(path);
  }

  bytesOf(path: string): number {
    const pending = this.#files.get(path);
    return pending === undefined ? this.#state.bytesOf(path) : lengthOf(this.#rangesOf(path));
  }

  /**
   * Where the file is to be sent from, so that it has `bytes` in the store in few pieces: its end
   * there, or the start of a range before it. A range is sent again from the file itself.
   */
  startOf(path: string, bytes: number): number {
    const lengths = this.#rangesOf(path).map(({ length }) => length);
    const end = lengths.reduce((sum, length) => sum + length, 0);
    const first = joinedFrom(lengths, Math.max(0, bytes - end));
    return lengths.slice(first).reduce((left, length) => left - length, end);
  }

  wholePaths(): Iterable<string> {
    return this.#wholePaths;
  }

  /**
   * Ranges arrived that hold the file from `start` on. What there was behind it is replaced; ranges
   * that do not reach as far as it did are of no use.
   */
  add(path: string, start: number, ranges: readonly PieceRange[]): void {
    const before = this.#rangesOf(path);
    const end = lengthOf(before);
    if (start + lengthOf(ranges) < end) {
      for (const { piece } of ranges) this.#dropped.add(piece.name);
      return;
    }
    let first = before.length;
    let at = end;
    while (at > start) at -= before[--first]?.length ?? 0;
    if (at !== start) {
      throw new InsulaError(
        "invariant_broken",
        `A range of "${path}" begins inside of another one.`,
      );
    }
    const { length: known } = this.#state.files.get(path)?.ranges ?? [];
    const keptBefore = this.#files.get(path)?.kept ?? known;
    // Those of the newest point are freed by the next one, if no other file has a range of them.
    for (const { piece } of before.slice(Math.max(first, keptBefore))) {
      this.#dropped.add(piece.name);
    }
    const kept = Math.min(first, keptBefore);
    this.#files.set(path, { kept, ranges: [...before.slice(kept, first), ...ranges] });
    this.#noteThere(path);
  }

  /** So many bytes of the file were to be in the store by now. */
  expect(path: string, bytes: number): void {
    if (this.bytesOf(path) < bytes) this.#partial.add(path);
    else this.#partial.delete(path);
  }

  addStrays(names: Iterable<string>): void {
    for (const name of names) this.#strays.add(name);
  }

  /** For the next point. A file of which ranges are replaced is told as a whole. */
  async changes(turns: Turns): Promise<FileChange[]> {
    const all: FileChange[] = [];
    await eachInTurns(this.#files, turns, ([path, { kept, ranges }]) => {
      const { length: known } = this.#state.files.get(path)?.ranges ?? [];
      if (kept === known) all.push({ path, isWhole: false, ranges });
      else all.push({ path, isWhole: true, ranges: this.#rangesOf(path) });
    });
    return all;
  }

  /** Pieces that the next point will not name. */
  strays(): readonly string[] {
    const used = new Set<string>();
    for (const { ranges } of this.#files.values()) {
      for (const { piece } of ranges) used.add(piece.name);
    }
    return [...new Set([...this.#strays, ...this.#dropped])].filter((name) => !used.has(name));
  }

  /** A point says everything that was pending, and what there is of some paths besides. */
  settle(changed: Iterable<string>, removed: Iterable<string>): void {
    this.#files.clear();
    this.#partial.clear();
    for (const path of changed) this.#noteThere(path);
    for (const path of removed) this.#wholePaths.delete(path);
  }

  /** A point has named them as free. */
  forgetStrays(): void {
    this.#strays.clear();
    this.#dropped.clear();
  }

  #rangesOf(path: string): readonly PieceRange[] {
    const known = this.#state.files.get(path)?.ranges ?? [];
    const pending = this.#files.get(path);
    return pending === undefined ? known : [...known.slice(0, pending.kept), ...pending.ranges];
  }

  #noteThere(path: string): void {
    if (isInWholeFolder(path)) this.#wholePaths.add(path);
  }
}

function lengthOf(ranges: readonly PieceRange[]): number {
  return ranges.reduce((sum, { length }) => sum + length, 0);
}
