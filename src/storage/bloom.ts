/**
 * Bloom filter over keys: says "surely not here" without touching the blocks.
 *
 * ON DISK (docs/formats/segment.md, "Key filter"): u32 number of bits, u8 probes, three zero bytes,
 * then the bits, bit i being bit i % 8 of byte i / 8. Ten bits a key and seven probes let about 0.8
 * % of the absent keys pass.
 *
 * Source: Bloom, CACM 1970; double hashing: Kirsch and Mitzenmacher, ESA 2006, with the quadratic
 * term of Dillinger and Manolios, FMCAD 2004. The two 32-bit hashes are multiply-and-xor chains
 * over the bytes (FNV-1a, and one with the multiplier of MurmurHash2) closed by the finalizer of
 * MurmurHash3.
 */
import { InsulaError } from "../base/errors.ts";

const BITS_PER_KEY = 10;
const PROBES = 7;
const PROBES_MAX = 32;
const HEADER_BYTES = 8;
const BITS_MIN = 64;
/** The number of bits is a u32. */
const BITS_MAX = 0xffff_fff8;

/** The two halves of the hash of the last key. One thread, no await between writing and reading. */
let hashA = 0;
let hashB = 0;

/** Collects keys; sized for `keyCount` keys, more only raise the share of false answers. */
export class BloomBuilder {
  readonly #bytes: Buffer;
  readonly #bitCount: number;

  constructor(keyCount: number) {
    const bits = Math.min(BITS_MAX, Math.max(BITS_MIN, keyCount * BITS_PER_KEY));
    this.#bitCount = Math.ceil(bits / 8) * 8;
    this.#bytes = Buffer.alloc(HEADER_BYTES + this.#bitCount / 8);
    this.#bytes.writeUInt32LE(this.#bitCount, 0);
    this.#bytes[4] = PROBES;
  }

  add(key: Uint8Array): void {
    hashOfBytes(key);
    this.#set();
  }

  /** The filter as bytes; the builder must not be used afterwards. */
  finish(): Buffer {
    return this.#bytes;
  }

  #set(): void {
    const bytes = this.#bytes;
    const bitCount = this.#bitCount;
    let position = hashA;
    let step = hashB;
    for (let i = 0; i < PROBES; i++) {
      const bit = position % bitCount;
      const at = HEADER_BYTES + (bit >>> 3);
      bytes[at] = (bytes[at] ?? 0) | (1 << (bit & 7));
      position = (position + step) >>> 0;
      step = (step + i) >>> 0;
    }
  }
}

/** Reads what {@link BloomBuilder} made. */
export class BloomFilter {
  readonly #bytes: Uint8Array;
  readonly #bitCount: number;
  readonly #probes: number;

  /**
   * @param bytes kept, not copied, and verified by the caller's checksum.
   * @throws InsulaError `data_damaged` when they are not a filter.
   */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const isLongEnough = bytes.length > HEADER_BYTES;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#bitCount = isLongEnough ? view.getUint32(0, true) : 0;
    this.#probes = isLongEnough ? view.getUint8(4) : 0;
    const isWhole = this.#bitCount > 0 && HEADER_BYTES + this.#bitCount / 8 === bytes.length;
    if (!isWhole || this.#probes < 1 || this.#probes > PROBES_MAX) {
      throw new InsulaError(
        "data_damaged",
        `Cannot decode a key filter: its ${String(bytes.length)} bytes do not fit its header.`,
      );
    }
  }

  /** False: the key was never added. True: probably it was. */
  mayContain(key: Uint8Array): boolean {
    hashOfBytes(key);
    return this.#test();
  }

  #test(): boolean {
    const bytes = this.#bytes;
    const bitCount = this.#bitCount;
    let position = hashA;
    let step = hashB;
    for (let i = 0; i < this.#probes; i++) {
      const bit = position % bitCount;
      if (((bytes[HEADER_BYTES + (bit >>> 3)] ?? 0) & (1 << (bit & 7))) === 0) return false;
      position = (position + step) >>> 0;
      step = (step + i) >>> 0;
    }
    return true;
  }
}

function hashOfBytes(key: Uint8Array): void {
  let a = 0x811c_9dc5;
  let b = 0x9747_b28c;
  for (let i = 0; i < key.length; i++) {
    const byte = key[i] ?? 0;
    a = Math.imul(a ^ byte, 0x0100_0193);
    b = Math.imul(b ^ byte, 0x5bd1_e995);
    b ^= b >>> 15;
  }
  close(a, b, key.length);
}

/** An odd step never degenerates to one probe repeated. */
function close(a: number, b: number, length: number): void {
  hashA = mixed(a ^ length);
  hashB = mixed(b + length) | 1;
  hashB >>>= 0;
}

function mixed(word: number): number {
  let h = word ^ (word >>> 16);
  h = Math.imul(h, 0x85eb_ca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
