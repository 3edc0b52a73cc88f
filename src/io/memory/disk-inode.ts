/** One file of the simulated disk: what it holds now, and what a power cut may leave of it. */
import type { SeededRandom } from "./seeded-random.ts";
import { GrowingContent } from "./growing-content.ts";

/** Sectors a medium writes whole; which of the two a crash tears at is drawn per file. */
const GRAINS_BYTES: readonly number[] = [512, 4096];

interface UnsyncedWrite {
  readonly position: number;
  readonly bytes: Uint8Array;
}

interface Truncation {
  readonly length: number;
}

export class DiskInode {
  /** What a reader sees. */
  readonly current: GrowingContent;
  /** What is surely on the medium. */
  readonly #synced: GrowingContent;
  #unsynced: (UnsyncedWrite | Truncation)[] = [];

  constructor(synced: Uint8Array = new Uint8Array(0)) {
    this.#synced = new GrowingContent(synced.slice());
    this.current = new GrowingContent(synced.slice());
  }

  write(position: number, bytes: Uint8Array): void {
    this.current.write(position, bytes);
    this.#unsynced.push({ position, bytes: bytes.slice() });
  }

  truncate(length = 0): void {
    if (this.current.length <= length) return;
    this.current.truncate(length);
    this.#unsynced.push({ length });
  }

  sync(): void {
    for (const change of this.#unsynced) {
      if ("length" in change) this.#synced.truncate(change.length);
      else this.#synced.write(change.position, change.bytes);
    }
    this.#unsynced = [];
  }

  /**
   * A sync that fails as Linux lets it fail: readers go on seeing what was written, the medium has
   * none of it, and the next sync has nothing to do and succeeds.
   */
  failSync(): void {
    this.#unsynced = [];
  }

  /**
   * One legal content after a power cut: of the unsynced writes none, all, the first few with the
   * last one torn, or any blocks; the length may have grown ahead of the bytes, which then are
   * zeros.
   */
  crash(random: SeededRandom): Uint8Array {
    const content = new GrowingContent(this.#synced.copy());
    const manner = random.below(4);
    if (this.#unsynced.length === 0 || manner === 0) {
      if (random.below(4) === 0 && this.#unsynced.length > 0) this.#growAhead(content, random);
      return content.copy();
    }
    const grain = GRAINS_BYTES[random.below(GRAINS_BYTES.length)] ?? 512;
    const fullCount =
      manner === 2 ? random.below(this.#unsynced.length + 1) : this.#unsynced.length;
    for (const [i, change] of this.#unsynced.entries()) {
      if (i > fullCount) break;
      if ("length" in change) {
        if (i < fullCount && (manner !== 3 || random.below(2) === 0)) {
          content.truncate(change.length);
        }
      } else if (manner === 3) {
        writeSomeBlocks(content, change, grain, random);
      } else {
        const torn = i < fullCount ? change.bytes.length : random.below(change.bytes.length + 1);
        const kept = i < fullCount ? torn : alignDown(change.position, torn, grain);
        content.write(change.position, change.bytes.subarray(0, kept));
      }
    }
    if (random.below(3) === 0) this.#growAhead(content, random);
    return content.copy();
  }

  #growAhead(content: GrowingContent, random: SeededRandom): void {
    const missing = this.current.length - content.length;
    if (missing > 0) content.grow(content.length + random.below(missing + 1));
  }
}

/** The longest prefix of at most `length` bytes that ends where a block of the medium ends. */
function alignDown(position: number, length: number, grain: number): number {
  const end = Math.floor((position + length) / grain) * grain;
  return Math.max(0, end - position);
}

function writeSomeBlocks(
  content: GrowingContent,
  change: UnsyncedWrite,
  grain: number,
  random: SeededRandom,
): void {
  const end = change.position + change.bytes.length;
  let start = change.position;
  while (start < end) {
    const stop = Math.min(end, (Math.floor(start / grain) + 1) * grain);
    if (random.below(2) === 0) {
      content.write(start, change.bytes.subarray(start - change.position, stop - change.position));
    }
    start = stop;
  }
}
