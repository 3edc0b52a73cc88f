/**
 * Walks encoded metadata without building objects. Every step is checked against the end of the
 * bytes: a damaged length becomes `data_damaged`, never a read outside.
 */
import { isUtf8 } from "node:buffer";
import { InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import { METADATA_DEPTH_MAX } from "../base/limits.ts";
import type { MetadataObject, MetadataValue } from "./metadata.ts";
import { METADATA_FORMAT_VERSION, TAG } from "./metadata-tags.ts";

export class MetadataCursor {
  position = 0;
  readonly #bytes: Buffer;
  #end: number;

  /** @param bytes not copied; must not change while the cursor is used. */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length;
  }

  /**
   * Reads the head; returns the number of top-level properties. The cursor stands on the first
   * name.
   */
  open(): number {
    const version = this.uint8();
    if (version !== METADATA_FORMAT_VERSION) {
      // What lies around it has a checksum, so this is no damage.
      throw otherFormat("encoded metadata", METADATA_FORMAT_VERSION, version);
    }
    return this.count(2);
  }

  get isAtEnd(): boolean {
    return this.position === this.#end;
  }

  /** Length of the name the cursor stands on; the cursor is on its first byte then. */
  nameLength(): number {
    return this.#fits(this.varint());
  }

  /** Whether the bytes from `start` are `name`. */
  equals(start: number, name: Uint8Array): boolean {
    for (let i = 0; i < name.length; i++) if (this.#bytes[start + i] !== name[i]) return false;
    return true;
  }

  /** Text of `byteLength` bytes. */
  text(byteLength: number): string {
    const start = this.position;
    this.position = start + byteLength;
    const text = this.#bytes.toString("utf8", start, this.position);
    if (text.includes("\ufffd") && !isUtf8(this.#bytes.subarray(start, this.position))) {
      throw damaged("text is not UTF-8");
    }
    return text;
  }

  /** Reads the value the cursor stands on. Lists and objects are made anew, bytes are copied. */
  value(depth = 1): MetadataValue {
    const tag = this.uint8();
    switch (tag) {
      case TAG.null:
        return null;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      case TAG.positive:
        return this.varint();
      case TAG.negative:
        return -1 - this.varint();
      case TAG.int64:
        return this.#bytes.readBigInt64LE(this.#take(8));
      case TAG.uint64:
        return this.#bytes.readBigUInt64LE(this.#take(8));
      case TAG.float64:
        return this.#bytes.readDoubleLE(this.#take(8));
      case TAG.string:
        return this.text(this.nameLength());
      case TAG.bytes: {
        const length = this.varint();
        const start = this.#take(length);
        return new Uint8Array(this.#bytes.subarray(start, start + length));
      }
      case TAG.date:
        return this.#date();
      case TAG.list:
        return this.#container(depth, () => this.#list(depth + 1));
      case TAG.object:
        return this.#container(depth, () => this.object(this.count(2), depth + 1));
      default:
        throw damaged(`unknown tag ${String(tag)}`);
    }
  }

  /** The next `count` properties as an object without a prototype. */
  object(count: number, depth: number): MetadataObject {
    const object: Record<string, MetadataValue> = Object.create(null) as Record<
      string,
      MetadataValue
    >;
    for (let i = 0; i < count; i++) {
      const name = this.text(this.nameLength());
      object[name] = this.value(depth);
    }
    return object;
  }

  /** Passes over the value the cursor stands on, in constant time. */
  skip(): void {
    const tag = this.uint8();
    switch (tag) {
      case TAG.null:
      case TAG.false:
      case TAG.true:
        return;
      case TAG.positive:
      case TAG.negative:
        this.varint();
        return;
      case TAG.int64:
      case TAG.uint64:
      case TAG.float64:
      case TAG.date:
        this.#take(8);
        return;
      case TAG.string:
      case TAG.bytes:
        this.#take(this.varint());
        return;
      case TAG.list:
      case TAG.object:
        this.#take(this.#bytes.readUInt32LE(this.#take(4)));
        return;
      default:
        throw damaged(`unknown tag ${String(tag)}`);
    }
  }

  uint8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.uint8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      factor *= 0x80;
    }
    throw damaged("a number is too long");
  }

  /**
   * A count of things of at least `bytesMin` bytes each, so that damage cannot ask for much memory.
   */
  count(bytesMin: number): number {
    const count = this.varint();
    if (count * bytesMin > this.#end - this.position) throw damaged("more values than bytes");
    return count;
  }

  #list(depth: number): MetadataValue[] {
    const count = this.count(1);
    const list: MetadataValue[] = [];
    for (let i = 0; i < count; i++) list.push(this.value(depth));
    return list;
  }

  #date(): Date {
    const date = new Date(Number(this.#bytes.readBigInt64LE(this.#take(8))));
    if (Number.isNaN(date.getTime())) throw damaged("a date is out of range");
    return date;
  }

  /** Reads within the length written in front, and all of it. */
  #container<Value>(depth: number, read: () => Value): Value {
    if (depth >= METADATA_DEPTH_MAX) throw damaged("nested too deep");
    const length = this.#bytes.readUInt32LE(this.#take(4));
    const outerEnd = this.#end;
    this.#end = this.position + this.#fits(length);
    const value = read();
    if (this.position !== this.#end) throw damaged("a length does not fit its content");
    this.#end = outerEnd;
    return value;
  }

  #fits(length: number): number {
    if (length > this.#end - this.position) throw damaged("a value reaches past the end");
    return length;
  }

  #take(length: number): number {
    const start = this.position;
    this.position = start + this.#fits(length);
    return start;
  }
}

/** The error for bytes that are no metadata. */
export function damaged(reason: string): InsulaError {
  return new InsulaError("data_damaged", `Cannot decode metadata: ${reason}.`);
}
