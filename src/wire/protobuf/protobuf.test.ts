import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isInsulaError } from "../../base/errors.ts";
import { printJson, type JsonObject } from "../json/index.ts";
import {
  FloatArena,
  ProtoReader,
  ProtoWriter,
  readStruct,
  STRUCT_DEPTH_MAX,
  writeStruct,
} from "./index.ts";

function hex(writer: ProtoWriter): string {
  return writer.written.toString("hex");
}

/** A reader that stands before the first field of these bytes. */
function first(bytes: Uint8Array): ProtoReader {
  const reader = new ProtoReader(bytes);
  expect(reader.next()).toBe(true);
  return reader;
}

describe("bytes of the published examples", () => {
  test("are written and read as protobuf.dev prints them", () => {
    const writer = new ProtoWriter();
    writer.uint(1, 150);
    expect(hex(writer)).toBe("089601");
    expect(first(Buffer.from("089601", "hex")).uint()).toBe(150);
    const text = new ProtoWriter();
    text.text(2, "testing");
    expect(hex(text)).toBe("120774657374696e67");
    expect(first(text.written).text()).toBe("testing");
    const inner = new ProtoWriter();
    inner.message(3, () => {
      inner.uint(1, 150);
    });
    expect(hex(inner)).toBe("1a03089601");
    const packed: number[] = [];
    first(Buffer.from("3206038e029ea705", "hex")).uints(packed);
    expect(packed).toEqual([3, 270, 86_942]);
    const again = new ProtoWriter();
    again.uints(6, Uint32Array.from(packed));
    expect(hex(again)).toBe("3206038e029ea705");
  });

  test("a Struct has the bytes that Python's protobuf writes", () => {
    const writer = new ProtoWriter();
    writeStruct(writer, 1, { a: 1.5, b: ["x", true, null] });
    // ParseDict({"a": 1.5, "b": ["x", True, None]}, Struct()).SerializeToString()
    const struct = "0a0e0a0161120911000000000000f83f0a140a0162120f320d0a031a01780a0220010a020800";
    expect(hex(writer).slice(4)).toBe(struct);
  });
});

describe("what is written is read", () => {
  test("numbers, texts and floats of every sort", () => {
    fc.assert(
      fc.property(
        fc.record({
          uint: fc.maxSafeNat(),
          text: fc.string({ unit: "grapheme" }),
          float: fc.float({ noNaN: true }),
          double: fc.double({ noNaN: true }),
          bool: fc.boolean(),
          floats: fc.array(fc.float(), { maxLength: 50 }),
          uints: fc.array(fc.nat({ max: 0xffffffff }), { maxLength: 50 }),
          field: fc.integer({ min: 1, max: 536_870_911 }),
          padding: fc.nat({ max: 7 }),
        }),
        (value) => {
          const { field } = value;
          const writer = new ProtoWriter();
          writer.uintAlways(field, value.uint);
          writer.textAlways(field, value.text);
          writer.float(field, value.float);
          writer.doubleAlways(field, value.double);
          writer.boolAlways(field, value.bool);
          writer.floats(field, Float32Array.from(value.floats));
          writer.uints(field, Uint32Array.from(value.uints));
          // Alignment is not the message's to choose.
          const bytes = Buffer.concat([Buffer.alloc(value.padding), writer.written]);
          const reader = new ProtoReader(bytes.subarray(value.padding));
          const arena = new FloatArena(64);
          const uints: number[] = [];
          const steps = [
            () => {
              expect(reader.uint()).toBe(value.uint);
            },
            () => {
              expect(reader.text()).toBe(value.text);
            },
            ...(Object.is(value.float, 0)
              ? []
              : [
                  () => {
                    expect(reader.float()).toBe(value.float);
                  },
                ]),
            () => {
              expect(reader.double()).toBe(value.double);
            },
            () => {
              expect(reader.bool()).toBe(value.bool);
            },
            ...(value.floats.length === 0
              ? []
              : [
                  () => {
                    reader.floats(arena);
                  },
                ]),
            ...(value.uints.length === 0
              ? []
              : [
                  () => {
                    reader.uints(uints);
                  },
                ]),
          ];
          for (const step of steps) {
            expect(reader.next()).toBe(true);
            expect(reader.field).toBe(field);
            step();
          }
          expect(reader.next()).toBe(false);
          expect(arena.since(0)).toEqual(Float32Array.from(value.floats));
          expect(uints).toEqual(value.uints);
        },
      ),
    );
  });

  test("messages of every length within one another", () => {
    for (const size of [0, 1, 126, 127, 128, 16_383, 16_384, 70_000]) {
      const writer = new ProtoWriter();
      writer.message(1, () => {
        writer.message(2, () => {
          writer.text(3, "x".repeat(size));
        });
        writer.uint(4, 7);
      });
      const outer = first(writer.written).message();
      expect(outer.next()).toBe(true);
      const inner = outer.message();
      expect(inner.next() ? inner.text().length : 0).toBe(size);
      expect(outer.next()).toBe(true);
      expect(outer.uint()).toBe(7);
      expect(outer.next()).toBe(false);
    }
  });

  test("Structs of any JSON that has no huge integers", () => {
    const object = fc.dictionary(
      fc.string(),
      fc.jsonValue({ maxDepth: 6 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonObject),
    );
    fc.assert(
      fc.property(object, (value) => {
        const writer = new ProtoWriter();
        writeStruct(writer, 1, value);
        const read = readStruct(first(writer.written).message());
        expect(JSON.parse(printJson(read))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("what a Struct has no kind for becomes text, a bigint the next double", () => {
    const writer = new ProtoWriter();
    const date = new Date(0);
    writeStruct(writer, 1, { date, big: 2n ** 60n, bytes: Uint8Array.of(1, 2), gone: undefined });
    expect({ ...readStruct(first(writer.written).message()) }).toEqual({
      date: "1970-01-01T00:00:00.000Z",
      big: 2 ** 60,
      bytes: "AQI=",
    });
  });
});

describe("a reader", () => {
  test("takes floats packed, one by one, and in several pieces", () => {
    const one = Buffer.from("0d0000803f", "hex");
    const packed = Buffer.from("0a080000004000004040", "hex");
    const reader = new ProtoReader(Buffer.concat([one, packed, one]));
    const arena = new FloatArena(8);
    while (reader.next()) reader.floats(arena);
    expect([...arena.since(0)]).toEqual([1, 2, 3, 1]);
    expect(arena.since(2)).toHaveLength(2);
  });

  test("skips fields it does not know, of every type", () => {
    const writer = new ProtoWriter();
    writer.uint(9, 2 ** 40);
    writer.text(10, "unknown");
    writer.float(11, 1);
    writer.doubleAlways(12, 1);
    writer.uint(1, 5);
    const reader = new ProtoReader(writer.written);
    let found = 0;
    while (reader.next()) {
      if (reader.field === 1) found = reader.uint();
      else reader.skip();
    }
    expect(found).toBe(5);
  });

  test.each([
    ["a value cut off", "08"],
    ["a text longer than its message", "0a05616263"],
    ["a length above 2^53", "0affffffffffffffffff01"],
    ["a number of eleven bytes", "08ffffffffffffffffffff01"],
    ["a field with the number 0", "0001"],
    ["a group", "0b0c"],
    ["a text that is no UTF-8", "0a02c328"],
    ["floats cut within one", "0a03000000"],
  ])("refuses %s", (_, bytes) => {
    const read = (): void => {
      const reader = new ProtoReader(Buffer.from(bytes, "hex"));
      while (reader.next()) {
        if (bytes.startsWith("08") || bytes.startsWith("0b")) reader.skip();
        else if (bytes === "0a03000000") reader.floats(new FloatArena(9));
        else reader.text();
      }
    };
    expect(read).toThrow(expect.objectContaining({ code: "body_malformed" }) as Error);
  });

  test("takes a Struct at the bound of depth and refuses one beyond it", () => {
    const nested = (depth: number): Buffer => {
      let value: JsonObject = { a: 1 };
      for (let i = 1; i < depth; i++) value = { a: value };
      const writer = new ProtoWriter();
      writeStruct(writer, 1, value);
      return Buffer.from(writer.written);
    };
    expect(() => readStruct(first(nested(STRUCT_DEPTH_MAX)).message())).not.toThrow();
    expect(() => readStruct(first(nested(STRUCT_DEPTH_MAX + 1)).message())).toThrow(/too deep/);
  });

  test("refuses numbers in a Struct that are not finite", () => {
    for (const number of [Number.NaN, Infinity, -Infinity]) {
      const writer = new ProtoWriter();
      writeStruct(writer, 1, { a: number });
      expect(() => readStruct(first(writer.written).message())).toThrow(/not finite/);
    }
  });

  test("reads or refuses any bytes, and nothing else happens", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          readStruct(new ProtoReader(bytes));
          const reader = new ProtoReader(bytes);
          const arena = new FloatArena(bytes.length);
          while (reader.next()) {
            if (reader.field % 2 === 0) reader.floats(arena);
            else reader.skip();
          }
        } catch (error) {
          expect(isInsulaError(error)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
