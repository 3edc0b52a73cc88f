/**
 * A segment in an object store, read in blocks that are kept for a while: a query of a tenant that
 * is on its way back fetches what it needs and waits for nothing else.
 *
 * Round trips, one behind the other: a segment up to {@link WHOLE_BYTES_MAX} comes whole with its
 * first read. Of a larger one the end comes first, then, at once, the sections that searches need,
 * then what only the candidates tell.
 */
import { PIECE_BYTES, offloadManifestKey, offloadPieceKey } from "../backup/index.ts";
import { InsulaError } from "../base/errors.ts";
import type { FilePiece, ObjectStore } from "../io/index.ts";
import type { RemoteLocation } from "../shard/index.ts";
import type { BlockShelf, ByteSpan, SegmentSource } from "../storage/index.ts";

/** Bytes fetched and kept together; a piece of a segment is several of them. */
const BLOCK_BYTES = 1_048_576;
/** Pieces whose blocks are fetched at the same time: the rows that a search compares are fewer. */
const PIECES_AT_ONCE = 32;
/** Segments up to this size are fetched whole. Source: ours, about 0.1 s of a link of 1 Gbit/s. */
export const WHOLE_BYTES_MAX = 8_388_608;
/** Bytes of one segment's sections that are fetched before they are asked for. */
const AHEAD_BYTES_MAX = 50_331_648;
/** After this long the same call has a chance. */
const RETRY_MS = 1_000;

export interface RemoteSourceDoors {
  readonly open: () => Promise<ObjectStore>;
  readonly shelf: BlockShelf;
}

export class RemoteSource implements SegmentSource {
  readonly length: number;
  readonly #doors: RemoteSourceDoors;
  readonly #location: RemoteLocation;
  readonly #segment: Uint8Array;
  /** Blocks under way: whoever needs one of them waits for it. */
  readonly #flights = new Map<number, Promise<Uint8Array>>();

  /** @param segment the uid inside its bytes. */
  constructor(doors: RemoteSourceDoors, location: RemoteLocation, segment: Uint8Array) {
    this.#doors = doors;
    this.#location = location;
    this.#segment = segment;
    this.length = location.bytes;
  }

  read(position: number, target: Uint8Array): Promise<number> {
    return this.#readSome([{ position, target }]);
  }

  /** Some at once: each may need a block of its own. */
  async readMany(pieces: readonly FilePiece[]): Promise<number> {
    let sum = 0;
    for (let first = 0; first < pieces.length; first += PIECES_AT_ONCE) {
      sum += await this.#readSome(pieces.slice(first, first + PIECES_AT_ONCE));
    }
    return sum;
  }

  async #readSome(pieces: readonly FilePiece[]): Promise<number> {
    const spans = pieces.map(({ position, target }) => ({
      start: position,
      length: Math.max(0, Math.min(this.length - position, target.length)),
    }));
    const blocks = await this.#bring(spans.filter(({ length }) => length > 0));
    let sum = 0;
    for (const [i, { start: position, length }] of spans.entries()) {
      const target = pieces[i]?.target;
      for (const number of length > 0 ? this.#blocksOf({ start: position, length }) : []) {
        const block = blocks.get(number) ?? new Uint8Array(0);
        const start = number * BLOCK_BYTES;
        const from = Math.max(position, start);
        const to = Math.min(position + length, start + block.length);
        if (from < to) target?.set(block.subarray(from - start, to - start), from - position);
      }
      sum += length;
    }
    return sum;
  }

  async fetchAhead(spans: readonly ByteSpan[]): Promise<void> {
    if (this.length <= WHOLE_BYTES_MAX) return;
    let left = AHEAD_BYTES_MAX;
    const wanted: ByteSpan[] = [];
    // Small ones first: they are needed by every search, and one that is too large keeps none away.
    for (const span of [...spans].sort((a, b) => a.length - b.length)) {
      left -= span.length;
      if (left < 0) break;
      wanted.push(span);
    }
    await this.#bring(wanted);
  }

  /** The blocks that the spans touch, all asked for at once. */
  async #bring(spans: readonly ByteSpan[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const numbers = new Set(spans.flatMap((span) => this.#blocksOf(span)));
    const found = new Map<number, Uint8Array | Promise<Uint8Array>>();
    const missing: number[] = [];
    for (const number of [...numbers].sort((a, b) => a - b)) {
      const known = this.#doors.shelf.get(number) ?? this.#flights.get(number);
      if (known === undefined) missing.push(number);
      else found.set(number, known);
    }
    for (const run of runsOf(missing)) {
      const fetched = this.#fetch(run);
      for (const [i, number] of run.entries()) {
        const flight = fetched.then((blocks) => blocks[i] ?? new Uint8Array(0));
        this.#flights.set(number, flight);
        found.set(number, flight);
        const land = (): void => {
          this.#flights.delete(number);
        };
        flight.then(land, land);
      }
    }
    const entries = [...found].map(async ([number, block]) => [number, await block] as const);
    return new Map(await Promise.all(entries));
  }

  #blocksOf({ start, length }: ByteSpan): number[] {
    const isWhole = this.length <= WHOLE_BYTES_MAX;
    const first = isWhole ? 0 : Math.floor(start / BLOCK_BYTES);
    const last = Math.floor((isWhole ? this.length - 1 : start + length - 1) / BLOCK_BYTES);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  }

  /** Neighbouring blocks of one object, with one request. */
  async #fetch(run: readonly number[]): Promise<readonly Uint8Array[]> {
    const { prefix, offset } = this.#location;
    const start = (run[0] ?? 0) * BLOCK_BYTES;
    const length = Math.min(this.length - start, run.length * BLOCK_BYTES);
    const piece = Math.floor(start / PIECE_BYTES);
    const [object, at] =
      offset === undefined
        ? [offloadPieceKey(prefix, this.#segment, piece), start - piece * PIECE_BYTES]
        : [offloadManifestKey(prefix), offset + start];
    const store = await this.#doors.open();
    const body = await store.get(object, { start: at, length });
    if (body?.length !== length) throw cutOff(object);
    return run.map((number, i) => {
      const block = Uint8Array.from(body.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES));
      this.#doors.shelf.set(number, block);
      return block;
    });
  }
}

/** Neighbours that lie in one piece. */
function runsOf(numbers: readonly number[]): readonly (readonly number[])[] {
  const perPiece = PIECE_BYTES / BLOCK_BYTES;
  const runs: number[][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1) === number - 1 && number % perPiece !== 0) run.push(number);
    else runs.push([number]);
  }
  return runs;
}

/** Nothing is known of the bytes: the store may be another one, or be catching up. */
function cutOff(object: string): InsulaError {
  return new InsulaError(
    "io_failed",
    `Cannot read an offloaded segment: object "${object}" is missing or cut off.`,
    { details: { object }, retryAfterMs: RETRY_MS },
  );
}
