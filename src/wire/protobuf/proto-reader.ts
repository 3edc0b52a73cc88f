/** Reads the fields of one message, one after the other. */
import { isUtf8 } from "node:buffer";
import type { FloatArena } from "./float-arena.ts";
import { protoMalformed } from "./malformed.ts";

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
const VARINT_BYTES_MAX = 10;
const FIELD_MAX = 536_870_911;

/**
 * `while (reader.next()) switch (reader.field) { … default: reader.skip(); }`: each field is read
 * by the method of its type, or skipped. Fields that nobody knows are skipped, as clients newer
 * than we are send them. Of a field that comes twice the caller keeps what it likes; the last,
 * mostly.
 *
 * Every method throws InsulaError `body_malformed`; no message makes it hang or read outside.
 */
export class ProtoReader {
  /** Number of the field whose value comes next. */
  field = 0;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #end: number;
  #at: number;
  #wireType = 0;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  /** Goes to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.#wireType = tag % 8;
    if (this.field < 1 || this.field > FIELD_MAX) this.#fail("a field has no such number");
    return true;
  }

  /** uint32, int32 of a value not negative, uint64 up to 2^53 (above it is rounded). */
  uint(): number {
    this.#expect(VARINT);
    return this.#varint();
  }

  bool(): boolean {
    this.#expect(VARINT);
    return this.#varint() !== 0;
  }

  float(): number {
    this.#expect(FIXED32);
    return this.#view.getFloat32(this.#take(4), true);
  }

  double(): number {
    this.#expect(FIXED64);
    return this.#view.getFloat64(this.#take(8), true);
  }

  text(): string {
    const bytes = this.#piece();
    if (!isUtf8(bytes)) this.#fail("a text is not in UTF-8");
    return bytes.toString("utf8");
  }

  /** A message in this one; read it before going on. */
  message(): ProtoReader {
    this.#expect(LENGTH);
    const length = this.#varint();
    const start = this.#take(length);
    return new ProtoReader(this.#bytes, start, start + length);
  }

  /** Floats of a repeated field, packed or one by one. They may come in several pieces. */
  floats(arena: FloatArena): void {
    if (this.#wireType === FIXED32) {
      arena.add(this.float());
      return;
    }
    const bytes = this.#piece();
    if (bytes.length % 4 !== 0) this.#fail("packed floats do not end with one");
    arena.addPacked(bytes);
  }

  /** uint32 of a repeated field, packed or one by one. */
  uints(into: number[]): void {
    if (this.#wireType === VARINT) {
      into.push(this.#varint() >>> 0);
      return;
    }
    this.#expect(LENGTH);
    const length = this.#varint();
    const packed = new ProtoReader(this.#bytes, this.#take(length), this.#at);
    while (packed.#at < packed.#end) into.push(packed.#varint() >>> 0);
  }

  skip(): void {
    switch (this.#wireType) {
      case VARINT:
        this.#varint();
        return;
      case FIXED64:
        this.#take(8);
        return;
      case FIXED32:
        this.#take(4);
        return;
      case LENGTH:
        this.#piece();
        return;
      default:
        // Groups were gone before proto3 began.
        this.#fail("a field has a type that is not understood");
    }
  }

  /** Says that the value just read is not what the message means. */
  refuse(reason: string): never {
    return this.#fail(reason);
  }

  #piece(): Buffer {
    this.#expect(LENGTH);
    const length = this.#varint();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      if (this.#at >= this.#end) this.#fail("the message ends within a value");
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return this.#fail("a number has more than ten bytes");
  }

  /** @returns where the bytes taken begin. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#end - start) this.#fail("a value is longer than its message");
    this.#at = start + length;
    return start;
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) this.#fail("a field has another type than it should");
  }

  #fail(reason: string): never {
    throw protoMalformed(reason, this.#at);
  }
}
