/**
 * Growing writer and bounds-checked reader for the little-endian encodings of our files.
 *
 * Integers up to 2^53-1 are LEB128 varints unless a field has a fixed width. Strings are UTF-8 with
 * a varint byte length in front.
 */
import { InsulaError } from "./errors.ts";

const TEXT_DECODER = new TextDecoder("utf-8", { fatal: true });

/** Appends values to one growing buffer. Not reusable after {@link ByteWriter.finish}. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  uint8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  uint32(value: number): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32LE(value >>> 0, this.#length);
    return this;
  }

  /** Unsigned 64-bit, given as a safe integer. */
  uint64(value: number): this {
    this.#reserve(8);
    this.#length = this.#bytes.writeBigUInt64LE(BigInt(value), this.#length);
    return this;
  }

  float32(value: number): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeFloatLE(value, this.#length);
    return this;
  }

  float64(value: number): this {
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
    return this;
  }

  bigint64(value: bigint): this {
    this.#reserve(8);
    this.#length = this.#bytes.writeBigInt64LE(value, this.#length);
    return this;
  }

  biguint64(value: bigint): this {
    this.#reserve(8);
    this.#length = this.#bytes.writeBigUInt64LE(value, this.#length);
    return this;
  }

  /** LEB128 of a safe non-negative integer. */
  varint(value: number): this {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** The bytes as they are, without a length. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** A varint length, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  /** A varint byte length, then UTF-8. */
  string(text: string): this {
    const byteLength = Buffer.byteLength(text);
    this.varint(byteLength);
    this.#reserve(byteLength);
    this.#length += this.#bytes.write(text, this.#length, byteLength, "utf8");
    return this;
  }

  /** Overwrites four bytes written earlier; for lengths and checksums known only at the end. */
  patchUint32(position: number, value: number): this {
    this.#bytes.writeUInt32LE(value >>> 0, position);
    return this;
  }

  /** A view on everything written, valid until the writer is used again. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy in memory of its own: keeping it keeps nothing else, as a slice of a pool would. */
  finish(): Buffer {
    const own = Buffer.allocUnsafeSlow(this.#length);
    this.#bytes.copy(own, 0, 0, this.#length);
    return own;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/**
 * Reads what {@link ByteWriter} wrote.
 *
 * @throws InsulaError `data_loss` / `data_damaged` when a value would reach past the end: the
 *   caller
 *         has verified a checksum before, so this means a file of another format or a bug of ours.
 */
export class ByteReader {
  readonly #bytes: Buffer;
  #position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = position;
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  uint8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  uint32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  uint64(): number {
    return Number(this.#bytes.readBigUInt64LE(this.#take(8)));
  }

  float32(): number {
    return this.#bytes.readFloatLE(this.#take(4));
  }

  float64(): number {
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  bigint64(): bigint {
    return this.#bytes.readBigInt64LE(this.#take(8));
  }

  biguint64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8));
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.#bytes[this.#take(1)] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
    throw new InsulaError("data_damaged", "Cannot decode a varint: longer than 8 bytes.");
  }

  /** A view of `count` bytes; it shares memory with the source. */
  raw(count: number): Buffer {
    const start = this.#take(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** Bytes behind a varint length; a view. */
  bytes(): Buffer {
    return this.raw(this.varint());
  }

  string(): string {
    return TEXT_DECODER.decode(this.bytes());
  }

  skip(count: number): void {
    this.#take(count);
  }

  #take(count: number): number {
    const start = this.#position;
    if (count > this.#bytes.length - start) {
      throw new InsulaError(
        "data_damaged",
        `Cannot decode: expected ${String(count)} more bytes, ${String(this.remaining)} are left.`,
      );
    }
    this.#position = start + count;
    return start;
  }
}

/** Orders byte strings as unsigned bytes, shorter first when one is a prefix of the other. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}
