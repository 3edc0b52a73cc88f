/** google.protobuf.Struct, Value and ListValue: JSON as messages. */
import type { JsonObject, JsonValue, Printable } from "../json/index.ts";
import { STRUCT_DEPTH_MAX } from "./limits.ts";
import type { ProtoReader } from "./proto-reader.ts";
import type { ProtoWriter } from "./proto-writer.ts";

/**
 * @returns an object without prototype; numbers are doubles, so 2020 is the number 2020.
 * @throws InsulaError `body_malformed`, also for what is nested deeper than
 *   {@link STRUCT_DEPTH_MAX}, and for a number that is not finite: JSON has none.
 */
export function readStruct(struct: ProtoReader, depth = 1): JsonObject {
  if (depth > STRUCT_DEPTH_MAX) struct.refuse("a Struct is nested too deep");
  const object = Object.create(null) as JsonObject;
  while (struct.next()) {
    if (struct.field === 1) readEntry(struct.message(), object, depth);
    else struct.skip();
  }
  return object;
}

function readEntry(entry: ProtoReader, object: JsonObject, depth: number): void {
  let name = "";
  let value: JsonValue = null;
  while (entry.next()) {
    if (entry.field === 1) name = entry.text();
    else if (entry.field === 2) value = readValue(entry.message(), depth);
    else entry.skip();
  }
  object[name] = value;
}

/** A Value of no kind is null. */
function readValue(reader: ProtoReader, depth: number): JsonValue {
  let value: JsonValue = null;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        reader.uint();
        value = null;
        break;
      case 2:
        value = reader.double();
        if (!Number.isFinite(value)) reader.refuse("a number in a Struct is not finite");
        break;
      case 3:
        value = reader.text();
        break;
      case 4:
        value = reader.bool();
        break;
      case 5:
        value = readStruct(reader.message(), depth + 1);
        break;
      case 6:
        value = readList(reader.message(), depth + 1);
        break;
      default:
        reader.skip();
    }
  }
  return value;
}

function readList(reader: ProtoReader, depth: number): JsonValue[] {
  if (depth > STRUCT_DEPTH_MAX) reader.refuse("a Struct is nested too deep");
  const list: JsonValue[] = [];
  while (reader.next()) {
    if (reader.field === 1) list.push(readValue(reader.message(), depth));
    else reader.skip();
  }
  return list;
}

/**
 * Writes an object as a field of type Struct. Values that Struct has no kind for are written as
 * `printJson` prints them: dates and bytes as text, float32 as numbers. A bigint becomes the double
 * next to it: there are no other numbers in a Struct.
 */
export function writeStruct(
  writer: ProtoWriter,
  field: number,
  object: { readonly [name: string]: Printable | undefined },
): void {
  writer.message(field, () => {
    for (const name of Object.keys(object)) {
      const value = object[name];
      if (value === undefined) continue;
      writer.message(1, () => {
        writer.text(1, name);
        writer.message(2, () => {
          writeValue(writer, value);
        });
      });
    }
  });
}

function writeValue(writer: ProtoWriter, value: Printable): void {
  switch (typeof value) {
    case "string":
      writer.textAlways(3, value);
      return;
    case "boolean":
      writer.boolAlways(4, value);
      return;
    case "number":
    case "bigint":
      writer.doubleAlways(2, Number(value));
      return;
    default:
      writeRest(writer, value);
  }
}

function writeRest(
  writer: ProtoWriter,
  value: Exclude<Printable, string | boolean | number | bigint>,
): void {
  if (value === null) {
    writer.uintAlways(1, 0);
  } else if (value instanceof Date) {
    writer.textAlways(3, value.toISOString());
  } else if (value instanceof Uint8Array) {
    writer.textAlways(3, Buffer.from(value).toString("base64"));
  } else if (value instanceof Float32Array || isList(value)) {
    writer.message(6, () => {
      for (const element of value) {
        writer.message(1, () => {
          writeValue(writer, element);
        });
      }
    });
  } else {
    writeStruct(writer, 5, value);
  }
}

function isList(value: object): value is readonly Printable[] {
  return Array.isArray(value);
}
