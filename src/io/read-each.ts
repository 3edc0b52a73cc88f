/** Many pieces by as many reads, for files without a better way. */
import { allDone } from "../base/all-done.ts";
import type { FilePiece } from "./file-system.ts";

/**
 * Resolves to the bytes read of all of them, when none is under way any more.
 *
 * @throws the first error in their order.
 */
export async function readEach(
  read: (position: number, target: Uint8Array) => Promise<number>,
  pieces: readonly FilePiece[],
): Promise<number> {
  const counts = await allDone(pieces.map(({ position, target }) => read(position, target)));
  return counts.reduce((sum, count) => sum + count, 0);
}
