/**
 * What one shard seals with its key: its frames in the log, and the keys of its segments.
 *
 * Each segment has a random key of its own, wrapped by the shard's and named in the manifest: a
 * copy
 * of a shard moves segments as they are and wraps a few keys anew. Frames are sealed under keys
 * derived from the shard's, a new one every {@link FRAMES_PER_KEY} frames, with random nonces: a
 * sequence number may be used twice after a crash, a nonce may not.
 *
 * ON DISK: docs/formats/keys.md.
 */
import { toHex, type ShardUid } from "../base/brands.ts";
import { ByteWriter } from "../base/bytes.ts";
import {
  beginSeal,
  CIPHER_KEY_BYTES,
  deriveKey,
  NONCE_BYTES,
  openWhole,
  sealWhole,
} from "../base/cipher.ts";
import { InsulaError } from "../base/errors.ts";
import { scanSteps, type Pace } from "../base/pace.ts";
import type { Random } from "../io/index.ts";
import type { SegmentEntry } from "./shard-state.ts";

/**
 * Frames sealed under one key. Source: with random 96-bit nonces two of 2^24 are equal with
 * probability 2^-49; NIST SP 800-38D 8.3 asks for 2^-32.
 */
const FRAMES_PER_KEY = 16_777_216;

/** Bytes are sealed, and copied into memory that is new, as fast as so many are scanned. */
const SEAL_FACTOR = 4;
/** Of a frame, sealed without looking at the pace. */
const SEALED_BYTES = 262_144;

export interface SegmentKey {
  readonly key: Uint8Array;
  readonly wrapped: Uint8Array;
}

export class ShardSeal {
  readonly #uid: ShardUid;
  readonly #key: Uint8Array;
  readonly #random: Random;
  #frameKey: { readonly epoch: number; readonly key: Uint8Array } | undefined;

  /** @param key 32 bytes, of this shard alone. */
  constructor(uid: ShardUid, key: Uint8Array, random: Random) {
    this.#uid = uid;
    this.#key = key;
    this.#random = random;
  }

  /** A key for a segment that is about to be written. */
  newSegmentKey(segment: Uint8Array): SegmentKey {
    const key = this.#random.bytes(CIPHER_KEY_BYTES);
    return { key, wrapped: this.wrapSegmentKey(segment, key) };
  }

  /** A segment that was sealed elsewhere becomes this shard's: only its key is wrapped anew. */
  wrapSegmentKey(segment: Uint8Array, key: Uint8Array): Uint8Array {
    const seal = { key: this.#key, nonce: this.#nonce(), context: keyContext(segment) };
    return new Uint8Array(sealWhole(seal, [key]));
  }

  /** @throws InsulaError `data_damaged` when the key was wrapped for another segment or shard. */
  segmentKey({ uid, wrappedKey }: SegmentEntry): Uint8Array | undefined {
    if (wrappedKey === undefined) return undefined;
    const key = openWhole({ key: this.#key, context: keyContext(uid) }, wrappedKey);
    if (key !== undefined) return new Uint8Array(key);
    throw damaged(`the key of segment ${toHex(uid)} was wrapped with another key`);
  }

  /** The parts of a payload sealed, as parts. Cost: a copy, 3 µs and 0.5 ns a byte. */
  async sealFrame(
    sequence: number,
    parts: readonly Uint8Array[],
    pace: Pace,
  ): Promise<readonly Uint8Array[]> {
    const nonce = this.#nonce();
    const context = this.#frameContext(sequence);
    const sealing = beginSeal({ key: this.#keyOfFrame(sequence), nonce, context });
    const sealed: Uint8Array[] = [nonce];
    for (const part of parts) {
      for (let at = 0; at < part.length; at += SEALED_BYTES) {
        const piece = part.subarray(at, at + SEALED_BYTES);
        const steps = scanSteps(piece.length * SEAL_FACTOR);
        if (!pace.fits(steps)) await pace.take(steps);
        sealed.push(sealing.add(piece));
      }
    }
    sealed.push(sealing.end());
    return sealed;
  }

  /** @throws InsulaError `data_damaged` when it is not this frame of this shard. */
  openFrame(sequence: number, sealed: Uint8Array): Uint8Array {
    const seal = { key: this.#keyOfFrame(sequence), context: this.#frameContext(sequence) };
    const plain = openWhole(seal, sealed);
    // Views on vectors need a start that is a multiple of four: a buffer of its own has it.
    if (plain !== undefined) return plain.byteOffset % 8 === 0 ? plain : new Uint8Array(plain);
    throw damaged(`a frame of the log, number ${String(sequence)}, was sealed with another key`);
  }

  #keyOfFrame(sequence: number): Uint8Array {
    const epoch = Math.floor(sequence / FRAMES_PER_KEY);
    if (this.#frameKey?.epoch !== epoch) {
      const key = deriveKey(this.#key, "insula frames", new ByteWriter(8).uint64(epoch).finish());
      this.#frameKey = { epoch, key };
    }
    return this.#frameKey.key;
  }

  #frameContext(sequence: number): Uint8Array {
    return new ByteWriter(32).string("frame").raw(this.#uid).uint64(sequence).finish();
  }

  #nonce(): Uint8Array {
    return this.#random.bytes(NONCE_BYTES);
  }
}

/** Names no shard: a segment may be copied to another one. */
function keyContext(segment: Uint8Array): Uint8Array {
  return new ByteWriter(32).string("segment").raw(segment).finish();
}

function damaged(reason: string): InsulaError {
  return new InsulaError("data_damaged", `Cannot open the data: ${reason}.`);
}
