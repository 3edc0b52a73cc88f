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
  // Also one that fails before it returns a promise is waited for with the others.
  const reads = pieces.map(async ({ position, target }) => read(position, target));
  const counts = await allDone(reads);
  return counts.reduce((sum, count) => sum + count, 0);
}
