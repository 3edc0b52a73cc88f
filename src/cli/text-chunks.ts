/** Cuts long texts into overlapping pieces, each good for one vector. */
import { CommandError, EXIT_CODES } from "./command-error.ts";

export interface ChunkOptions {
  /** Characters (UTF-16 units) of one chunk, at most. */
  readonly size: number;
  /** Characters that a chunk repeats from the end of the one before; less than half of `size`. */
  readonly overlap: number;
}

/**
 * About 250 words: long enough to mean something, short enough that its vector is about one thing.
 */
export const CHUNK_SIZE_DEFAULT = 1_600;
export const CHUNK_OVERLAP_DEFAULT = 200;
/**
 * Source: 40 KB metadata of a record in the OSS protocol, four bytes a character, room for the
 * rest.
 */
export const CHUNK_SIZE_MAX = 8_000;
const CHUNK_SIZE_MIN = 50;

export function checkChunkOptions({ size, overlap }: ChunkOptions): void {
  if (!Number.isInteger(size) || size < CHUNK_SIZE_MIN || size > CHUNK_SIZE_MAX) {
    throw new CommandError(
      EXIT_CODES.usage,
      `--chunk-size: expected ${String(CHUNK_SIZE_MIN)} to ${String(CHUNK_SIZE_MAX)} characters, received ${String(size)}.`,
    );
  }
  if (!Number.isInteger(overlap) || overlap < 0 || overlap * 2 >= size) {
    throw new CommandError(
      EXIT_CODES.usage,
      `--chunk-overlap: expected 0 to less than half of the chunk size, received ${String(overlap)}.`,
    );
  }
}

/**
 * Every visible character of `text` is in at least one chunk; no chunk is blank. Cuts fall after a
 * paragraph, else a line, a sentence, a word, and inside a word only when nothing else is there.
 */
export function cutText(text: string, options: ChunkOptions): readonly string[] {
  const chunks: string[] = [];
  let start = 0;
  while (start < text.length) {
    const end = findEnd(text, start, options.size);
    const chunk = text.slice(start, end).trim();
    if (chunk !== "") chunks.push(chunk);
    if (end >= text.length) break;
    start = findStart(text, Math.max(start + 1, end - options.overlap), end);
  }
  return chunks;
}

const BREAKS = [/\n\s*\n/g, /\n/g, /[.!?。！？]\s?/g, /\s+/g];

/** The last good break in the second half of the window, else its end. */
function findEnd(text: string, start: number, size: number): number {
  const limit = start + size;
  if (limit >= text.length) return text.length;
  const half = start + Math.ceil(size / 2);
  const window = text.slice(half, limit);
  for (const pattern of BREAKS) {
    const last = [...window.matchAll(pattern)].at(-1);
    if (last !== undefined) return half + last.index + last[0].length;
  }
  return isInsidePair(text, limit) ? limit - 1 : limit;
}

/** Begins an overlapping chunk at a word, if one begins before the cut. */
function findStart(text: string, wanted: number, end: number): number {
  const gap = /\s\S/.exec(text.slice(wanted, end));
  if (gap !== null) return wanted + gap.index + 1;
  return isInsidePair(text, wanted) ? wanted + 1 : wanted;
}

function isInsidePair(text: string, position: number): boolean {
  const unit = text.charCodeAt(position);
  return unit >= 0xdc00 && unit <= 0xdfff;
}
