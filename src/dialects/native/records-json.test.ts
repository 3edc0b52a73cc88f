import { describe, expect, it } from "vitest";
import { NATIVE_LIMITS } from "./limits.ts";
import { RecordPrinter } from "./records-json.ts";

describe("an answer of records", () => {
  it("answerNumbersMax: holds so many numbers in all, and no more", () => {
    const printer = new RecordPrinter();
    const half = new Float32Array(NATIVE_LIMITS.answerNumbersMax / 2);
    const record = (values: Float32Array) => ({ key: "a", vectors: new Map([["", values]]) });
    expect(printer.members(record(half)).startsWith('"key":"a","vector":[0,0')).toBe(true);
    printer.members(record(half));
    expect(() => printer.members(record(new Float32Array(1)))).toThrow("too many numbers");
  });
});
