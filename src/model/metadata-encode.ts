/** Metadata to bytes; the way back is metadata-decode.ts, the layout metadata-tags.ts. */
import { ByteWriter } from "../base/bytes.ts";
import { InsulaError } from "../base/errors.ts";
import { METADATA_BYTES_MAX, METADATA_DEPTH_MAX } from "../base/limits.ts";
import { INTEGER_MAX, INTEGER_MIN, isList } from "./compare.ts";
import type { Metadata, MetadataObject, MetadataValue } from "./metadata.ts";
import { METADATA_FORMAT_VERSION, TAG } from "./metadata-tags.ts";

const INT64_MAX = 2n ** 63n - 1n;

/**
 * Encodes the metadata of one record. Never empty: `{}` is two bytes.
 *
 * Strings are expected to be well-formed ({@link checkMetadata}); a bigint within the safe integers
 * comes back as a number, which is the same value.
 *
 * @returns bytes of its own, safe to keep.
 * @throws InsulaError `metadata_invalid` for depth and for what is no metadata value,
 *         `metadata_too_large` above METADATA_BYTES_MAX.
 */
export function encodeMetadata(metadata: Metadata): Uint8Array {
  const writer = new ByteWriter(256);
  writeMetadata(writer, metadata);
  return writer.finish();
}

/** {@link encodeMetadata} to the end of a writer; returns the bytes written. */
export function writeMetadata(writer: ByteWriter, metadata: Metadata): number {
  const start = writer.length;
  writer.uint8(METADATA_FORMAT_VERSION);
  writeBody(writer, metadata, 1);
  const byteLength = writer.length - start;
  if (byteLength > METADATA_BYTES_MAX) throw tooLarge(byteLength);
  return byteLength;
}

/** The error for metadata above the limit; one wording for encoder and check. */
export function tooLarge(byteLength: number): InsulaError {
  return new InsulaError(
    "metadata_too_large",
    `Cannot accept metadata: too large: expected at most ${String(METADATA_BYTES_MAX)} bytes encoded, received ${String(byteLength)}.`,
    { details: { bytesMax: METADATA_BYTES_MAX, bytes: byteLength } },
  );
}

/** The error for a value that cannot be metadata. */
export function metadataInvalid(reason: string): InsulaError {
  return new InsulaError("metadata_invalid", `Cannot accept metadata: ${reason}.`);
}

/**
 * @param depth 1 for the metadata itself, so that containers are at most METADATA_DEPTH_MAX deep.
 */
export function assertDepth(depth: number): void {
  if (depth > METADATA_DEPTH_MAX) {
    throw metadataInvalid(
      `nested too deep: expected at most ${String(METADATA_DEPTH_MAX)} levels, received more`,
    );
  }
}

function writeBody(writer: ByteWriter, object: MetadataObject, depth: number): void {
  assertDepth(depth);
  const names = Object.keys(object);
  writer.varint(names.length);
  for (const name of names) {
    writer.string(name);
    writeValue(writer, object[name], depth);
  }
}

function writeValue(writer: ByteWriter, value: MetadataValue | undefined, depth: number): void {
  switch (typeof value) {
    case "string":
      writer.uint8(TAG.string).string(value);
      return;
    case "number":
      writeNumber(writer, value);
      return;
    case "boolean":
      writer.uint8(value ? TAG.true : TAG.false);
      return;
    case "bigint":
      writeBigint(writer, value);
      return;
    case "object":
      writeObject(writer, value, depth);
      return;
    default:
      throw metadataInvalid(`expected a value, received ${typeof value}`);
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    writer.uint8(TAG.float64).float64(value);
  } else if (value >= 0) {
    writer.uint8(TAG.positive).varint(value);
  } else {
    writer.uint8(TAG.negative).varint(-1 - value);
  }
}

function writeBigint(writer: ByteWriter, value: bigint): void {
  if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
    writeNumber(writer, Number(value));
  } else if (value < INTEGER_MIN || value > INTEGER_MAX) {
    throw metadataInvalid("integer out of range: expected an int64 or uint64");
  } else if (value > INT64_MAX) {
    writer.uint8(TAG.uint64).biguint64(value);
  } else {
    writer.uint8(TAG.int64).bigint64(value);
  }
}

function writeObject(
  writer: ByteWriter,
  value: Exclude<MetadataValue, string | number | bigint | boolean>,
  depth: number,
): void {
  if (value === null) {
    writer.uint8(TAG.null);
  } else if (value instanceof Date) {
    const time = value.getTime();
    if (Number.isNaN(time)) throw metadataInvalid("expected a valid date");
    writer.uint8(TAG.date).bigint64(BigInt(time));
  } else if (value instanceof Uint8Array) {
    writer.uint8(TAG.bytes).bytes(value);
  } else if (isList(value)) {
    assertDepth(depth + 1);
    const patchAt = openContainer(writer, TAG.list);
    writer.varint(value.length);
    for (const element of value) writeValue(writer, element, depth + 1);
    writer.patchUint32(patchAt, writer.length - patchAt - 4);
  } else {
    const patchAt = openContainer(writer, TAG.object);
    writeBody(writer, value, depth + 1);
    writer.patchUint32(patchAt, writer.length - patchAt - 4);
  }
}

/** Tag and room for the length; returns where the length goes. */
function openContainer(writer: ByteWriter, tag: number): number {
  const patchAt = writer.uint8(tag).length;
  writer.uint32(0);
  return patchAt;
}
