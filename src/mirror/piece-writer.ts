/** Packs ranges of files into pieces and sends them, a few at once. */
import { createHash } from "node:crypto";
import { PutQueue } from "../backup/index.ts";
import type { ObjectStore } from "../io/index.ts";
import type { PointSeal } from "./mirror-point.ts";
import { piecePrefix, pieceName } from "./mirror-keys.ts";
import { SEAL_PURPOSES } from "./mirror-seal.ts";
import type { Piece, PieceRange } from "./mirror-state.ts";

/** Plain bytes of a piece at most: what is held for one upload. */
export const PIECE_BYTES_MAX = 8_388_608;

export interface PieceDoors {
  readonly store: ObjectStore;
  readonly seal: PointSeal;
  readonly mirror: string;
  readonly writer: string;
}

interface OpenRange {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

export class PieceWriter {
  readonly #doors: PieceDoors;
  readonly #point: number;
  readonly #puts: PutQueue;
  readonly #nextPiece: () => number;
  readonly #ranges = new Map<string, PieceRange[]>();
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #open: OpenRange[] = [];

  /** @param nextPiece numbers that no piece of this life had before. */
  constructor(doors: PieceDoors, point: number, nextPiece: () => number) {
    this.#doors = doors;
    this.#point = point;
    this.#nextPiece = nextPiece;
    this.#puts = new PutQueue(doors.store);
  }

  get bytesSent(): number {
    return this.#puts.bytesSent;
  }

  /** Ranges of one path follow one another. The bytes belong to the writer from here on. */
  async add(path: string, bytes: Uint8Array): Promise<void> {
    if (this.#bytes > 0 && this.#bytes + bytes.length > PIECE_BYTES_MAX) await this.cut();
    this.#open.push({ path, offset: this.#bytes, length: bytes.length });
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }

  /** What is added later goes into another piece: files of another fate are not tied together. */
  async cut(): Promise<void> {
    if (this.#open.length === 0) return;
    const { mirror, writer, seal } = this.#doors;
    const name = pieceName(this.#point, writer, this.#nextPiece());
    const body = seal.seal(Buffer.concat(this.#parts), SEAL_PURPOSES.piece(name));
    const piece: Piece = { name, bytes: body.length, sha256: sha256(body) };
    for (const { path, offset, length } of this.#open) {
      const ranges = this.#ranges.get(path) ?? [];
      ranges.push({ piece, offset, length });
      this.#ranges.set(path, ranges);
    }
    this.#parts = [];
    this.#bytes = 0;
    this.#open = [];
    await this.#puts.add(piecePrefix(mirror) + name, body);
  }

  /** Everything added is in the store when the promise resolves: its ranges by path. */
  async finish(): Promise<ReadonlyMap<string, readonly PieceRange[]>> {
    await this.cut();
    await this.#puts.settle();
    return this.#ranges;
  }
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
