/** The loop around writes: the system may take fewer bytes than it was offered. */
import { makeSystemError } from "./system-error.ts";

/**
 * One call to the system: offers `length` bytes of `source` from `offset`; returns how many it
 * took.
 */
export type WriteCall = (
  source: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => number | Promise<number>;

/**
 * Writes all of `source` at `position`, as often as it takes.
 *
 * @throws whatever `write` throws; a system error EIO when it takes nothing, since a loop that
 *   makes
 *         no progress would never end.
 */
export async function writeFully(
  write: WriteCall,
  source: Uint8Array,
  position: number,
): Promise<void> {
  let done = 0;
  while (done < source.length) {
    const count = await write(source, done, source.length - done, position + done);
    if (count <= 0) throw makeSystemError("EIO", "the system took no byte of a write");
    done += count;
  }
}

/** As {@link writeFully} with a call that answers at once; for the log thread. */
export function writeFullyNow(
  write: (source: Uint8Array, offset: number, length: number, position: number) => number,
  source: Uint8Array,
  position: number,
): void {
  let done = 0;
  while (done < source.length) {
    const count = write(source, done, source.length - done, position + done);
    if (count <= 0) throw makeSystemError("EIO", "the system took no byte of a write");
    done += count;
  }
}

/** One call to the system: fills `target`; calls `done` with the bytes read, 0 at the end. */
export type ReadCall = (target: Uint8Array, position: number, done: ReadDone) => void;

export type ReadDone = (error: Error | null, count: number) => void;

/**
 * Fills `target` from `position`; calls `done` once with the bytes read, fewer only at the end of
 * the file or with an error. By callback, as the system's own call: most reads are one call of a
 * few kibibytes, and searches make dozens.
 */
export function readFully(
  read: ReadCall,
  target: Uint8Array,
  position: number,
  done: ReadDone,
): void {
  let filled = 0;
  const next = (left: Uint8Array): void => {
    read(left, position + filled, (error, count) => {
      if (error === null) filled += count;
      if (error !== null || count <= 0 || filled === target.length) done(error, filled);
      else next(target.subarray(filled));
    });
  };
  if (target.length === 0) done(null, 0);
  else next(target);
}
