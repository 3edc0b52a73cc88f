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

export interface PieceResult {
  /** Bytes that are in the store, by path. */
  readonly ranges: ReadonlyMap<string, readonly PieceRange[]>;
  /** Pieces that may be in the store and are of no use. */
  readonly strays: readonly string[];
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
  /** Names of pieces that were sent, and of those whose arrival was answered. */
  readonly #sent = new Set<string>();
  readonly #arrived = new Set<string>();
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #open: OpenRange[] = [];

  /** @param nextPiece numbers that no piece of this life had before. */
  constructor(doors: PieceDoors, point: number, nextPiece: () => number) {
    this.#doors = doors;
    this.#point = point;
    this.#nextPiece = nextPiece;
    this.#puts = new PutQueue({
      putIfAbsent: async (key, body) => {
        const isNew = await doors.store.putIfAbsent(key, body);
        this.#arrived.add(key.slice(piecePrefix(doors.mirror).length));
        return isNew;
      },
    });
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
    this.#sent.add(name);
    await this.#puts.add(piecePrefix(mirror) + name, body);
  }

  /** Everything added is in the store when the promise resolves; nothing is under way after it. */
  async finish(): Promise<void> {
    try {
      await this.cut();
    } finally {
      await this.#puts.settle();
    }
  }

  /** What came of it, also after a failure. */
  result(): PieceResult {
    const ranges = new Map<string, readonly PieceRange[]>();
    const used = new Set<string>();
    for (const [path, all] of this.#ranges) {
      // A file is known up to the first piece that is missing.
      const missing = all.findIndex(({ piece }) => !this.#arrived.has(piece.name));
      const kept = missing < 0 ? all : all.slice(0, missing);
      if (kept.length > 0) ranges.set(path, kept);
      for (const { piece } of kept) used.add(piece.name);
    }
    return { ranges, strays: [...this.#sent].filter((name) => !used.has(name)) };
  }
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
