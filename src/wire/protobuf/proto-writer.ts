/** Writes one message into a buffer that grows. */

const CAPACITY_MIN = 256;

/**
 * Fields are written in any order. What is the default of proto3 (0, false, "", no items) is left
 * out, as every writer of proto3 does; `…Always` writes it, for fields whose presence counts.
 */
export class ProtoWriter {
  #bytes: Buffer;
  #view: DataView;
  #at = 0;

  constructor(capacity: number = CAPACITY_MIN) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(capacity, CAPACITY_MIN));
    this.#view = viewOf(this.#bytes);
  }

  /** What was written; a view that the next write may make stale. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A whole number from 0 to 2^53. */
  uint(field: number, value: number): void {
    if (value !== 0) this.uintAlways(field, value);
  }

  uintAlways(field: number, value: number): void {
    this.#reserve(20);
    this.#varint(field * 8);
    this.#varint(value);
  }

  bool(field: number, value: boolean): void {
    if (value) this.boolAlways(field, value);
  }

  boolAlways(field: number, value: boolean): void {
    this.uintAlways(field, value ? 1 : 0);
  }

  float(field: number, value: number): void {
    if (Object.is(value, 0)) return;
    this.#reserve(14);
    this.#varint(field * 8 + 5);
    this.#view.setFloat32(this.#at, value, true);
    this.#at += 4;
  }

  doubleAlways(field: number, value: number): void {
    this.#reserve(18);
    this.#varint(field * 8 + 1);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  text(field: number, value: string): void {
    if (value !== "") this.textAlways(field, value);
  }

  textAlways(field: number, value: string): void {
    const length = Buffer.byteLength(value);
    this.#reserve(20 + length);
    this.#varint(field * 8 + 2);
    this.#varint(length);
    this.#at += this.#bytes.write(value, this.#at, "utf8");
  }

  /** Packed, little endian. */
  floats(field: number, values: Float32Array): void {
    if (values.length === 0) return;
    this.#reserve(20 + values.byteLength);
    this.#varint(field * 8 + 2);
    this.#varint(values.byteLength);
    this.#bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), this.#at);
    this.#at += values.byteLength;
  }

  /** Packed. */
  uints(field: number, values: Uint32Array): void {
    if (values.length === 0) return;
    this.message(field, () => {
      for (const value of values) {
        this.#reserve(10);
        this.#varint(value);
      }
    });
  }

  /**
   * A message within this one, also an empty one. Its length is known only behind it, so its bytes
   * are moved up when the length needs more than one byte.
   */
  message(field: number, write: () => void): void {
    this.#reserve(20);
    this.#varint(field * 8 + 2);
    const start = this.#at + 1;
    this.#at = start;
    write();
    const length = this.#at - start;
    const gap = varintBytes(length);
    this.#reserve(gap);
    if (gap > 1) this.#bytes.copyWithin(start - 1 + gap, start, this.#at);
    this.#at = start - 1;
    this.#varint(length);
    this.#at += length;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
    this.#view = viewOf(grown);
  }
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) count++;
  return count;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
