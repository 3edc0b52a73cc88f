/**
 * Rows of older segments that a segment made dead: its `deadRows` section.
 *
 * ```
 * segment count varint, per segment: uid 16 bytes, row count varint, ascending rows as varint gaps
 * ```
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { toHex, toSegmentUid } from "../base/brands.ts";

/** Segment uid in hexadecimal to the rows that died, in any order, without doubles. */
export type DeadRows = Map<string, number[]>;

export function encodeDeadRows(dead: DeadRows): Uint8Array {
  const writer = new ByteWriter(256).varint(dead.size);
  for (const [uid, rows] of dead) {
    writer.raw(Buffer.from(uid, "hex")).varint(rows.length);
    let previous = 0;
    for (const row of Uint32Array.from(rows).sort()) {
      writer.varint(row - previous);
      previous = row;
    }
  }
  return writer.finish();
}

export function decodeDeadRows(bytes: Uint8Array): DeadRows {
  const reader = new ByteReader(bytes);
  const dead: DeadRows = new Map();
  const segmentCount = reader.varint();
  for (let i = 0; i < segmentCount; i++) {
    const uid = toHex(toSegmentUid(reader.raw(16)));
    let previous = 0;
    const rows = Array.from({ length: reader.varint() }, () => (previous += reader.varint()));
    dead.set(uid, rows);
  }
  return dead;
}

/** Adds one row; the caller guarantees that it was live before. */
export function addDeadRow(dead: DeadRows, uid: string, row: number): void {
  const rows = dead.get(uid);
  if (rows === undefined) dead.set(uid, [row]);
  else rows.push(row);
}
