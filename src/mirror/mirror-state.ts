/** What a mirror holds at one point: which bytes of which pieces are which file. */
import { eachInTurns, type Turns } from "./turns.ts";

/** One object of the store that holds bytes of files. */
export interface Piece {
  /** Behind the prefix of the mirror's pieces. */
  readonly name: string;
  /** As it lies in the store. */
  readonly bytes: number;
  readonly sha256: Uint8Array;
}

/** Bytes of a piece, opened; one behind the other they are the file. */
export interface PieceRange {
  readonly piece: Piece;
  readonly offset: number;
  readonly length: number;
}

/** What one point changes. */
export interface PointChange {
  readonly files: readonly FileChange[];
  readonly removed: readonly string[];
}

export interface FileChange {
  readonly path: string;
  /** Replaces what there was; else the ranges come behind it. */
  readonly isWhole: boolean;
  readonly ranges: readonly PieceRange[];
}

export interface MirroredFile {
  readonly bytes: number;
  readonly ranges: readonly PieceRange[];
}

/** A piece that no file uses since a point. */
export interface FreedPiece {
  readonly point: number;
  readonly name: string;
}

/** About 200 bytes of memory a file and 80 a range. */
export class MirrorState {
  readonly #files = new Map<string, MirroredFile>();
  readonly #uses = new Map<string, number>();
  #freed: FreedPiece[] = [];

  get files(): ReadonlyMap<string, MirroredFile> {
    return this.#files;
  }

  /** Oldest first. */
  get freed(): readonly FreedPiece[] {
    return this.#freed;
  }

  /** Bytes of a file; 0 when it is not there. */
  bytesOf(path: string): number {
    return this.#files.get(path)?.bytes ?? 0;
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  /** True when a file has bytes of the piece. */
  isUsed(piece: string): boolean {
    return this.#uses.has(piece);
  }

  apply(point: number, { files, removed }: PointChange): void {
    for (const { path, isWhole, ranges } of files) {
      const before = this.#files.get(path);
      const kept = isWhole || before === undefined ? [] : before.ranges;
      for (const { piece } of ranges) {
        this.#uses.set(piece.name, (this.#uses.get(piece.name) ?? 0) + 1);
      }
      if (isWhole && before !== undefined) this.#free(point, before.ranges);
      const all = [...kept, ...ranges];
      this.#files.set(path, {
        bytes: all.reduce((sum, { length }) => sum + length, 0),
        ranges: all,
      });
    }
    for (const path of removed) {
      const before = this.#files.get(path);
      this.#files.delete(path);
      if (before !== undefined) this.#free(point, before.ranges);
    }
  }

  /** {@link MirrorState.apply} of what may be a million files. Nobody looks at it meanwhile. */
  async applyInTurns(point: number, change: PointChange, turns: Turns): Promise<void> {
    await eachInTurns(change.files, turns, (file) => {
      this.apply(point, { files: [file], removed: [] });
      return file.ranges.length;
    });
    await eachInTurns(change.removed, turns, (path) => {
      this.apply(point, { files: [], removed: [path] });
    });
  }

  /** What points and bases name beside the files. */
  addFreed(freed: readonly FreedPiece[]): void {
    // Not as arguments of one call: their number has a bound.
    for (const piece of freed) this.#freed.push(piece);
  }

  /** Pieces that nothing at or behind the point uses. */
  freedBy(point: number): readonly FreedPiece[] {
    return this.#freed.filter((piece) => piece.point <= point);
  }

  /** The pieces of {@link MirrorState.freedBy} are in the store no more. */
  forgetFreed(point: number): void {
    this.#freed = this.#freed.filter((piece) => piece.point > point);
  }

  /** Everything, as one change of an empty state. Nobody changes it meanwhile. */
  async whole(turns: Turns): Promise<PointChange> {
    const files: FileChange[] = [];
    await eachInTurns(this.#files, turns, ([path, { ranges }]) => {
      files.push({ path, isWhole: true, ranges });
    });
    return { files, removed: [] };
  }

  #free(point: number, ranges: readonly PieceRange[]): void {
    for (const { piece } of ranges) {
      const uses = (this.#uses.get(piece.name) ?? 0) - 1;
      if (uses > 0) {
        this.#uses.set(piece.name, uses);
        continue;
      }
      this.#uses.delete(piece.name);
      this.#freed.push({ point, name: piece.name });
    }
  }
}
