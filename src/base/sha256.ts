/** SHA-256 of bytes that may be many: in pieces, between which others have their turn. */
import { createHash } from "node:crypto";
import { inTurns, type Pace } from "./pace.ts";

/** Bytes hashed between two looks at the pace. */
const PIECE_BYTES = 65_536;
/** Bytes hashed in a step, where the processor has no instructions for it. */
const STEP_BYTES = 2;

/** At once as far as the pace has room. @throws what the pace's signal was aborted with. */
export function sha256InTurns(bytes: Uint8Array, pace: Pace): Buffer | Promise<Buffer> {
  return inTurns(hash(bytes), pace);
}

function* hash(bytes: Uint8Array): Generator<number, Buffer, void> {
  const sum = createHash("sha256");
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    yield Math.ceil(piece.length / STEP_BYTES);
    sum.update(piece);
  }
  return sum.digest();
}
