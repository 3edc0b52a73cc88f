import { describe, expect, it } from "vitest";
import { NAME_BYTES_MAX, PIN_BYTES_MAX, PINS_MAX } from "../base/limits.ts";
import { patchPins, pinOf } from "./tenant-pins.ts";

const refused: unknown = expect.objectContaining({ code: "argument_invalid" });
const names = (count: number, length = 6): readonly string[] =>
  Array.from({ length: count }, (_, i) => String(i).padStart(length, "0"));

describe("pins", () => {
  it("are set whole, added to and taken from, each once and in order", () => {
    expect(patchPins([], { pin: ["b", "a", "b"] })).toEqual(["a", "b"]);
    expect(patchPins(["a", "b"], { alsoPin: ["team-*"], unpin: ["a", "nobody"] })).toEqual([
      "b",
      "team-*",
    ]);
    expect(patchPins(["a"], { pin: null })).toEqual([]);
    expect(patchPins(["a"], { pin: [], alsoPin: ["c"] })).toEqual(["c"]);
    expect(patchPins(["a"], {})).toEqual(["a"]);
  });

  it("are names and patterns, and tell which of them it is", () => {
    const pins = ["acme", "team-?", "what\\*"];
    expect(pinOf(pins, "acme")).toBe("acme");
    expect(pinOf(pins, "team-1")).toBe("team-?");
    expect(pinOf(pins, "team-12")).toBeUndefined();
    expect(pinOf(pins, "what*")).toBe("what\\*");
    expect(pinOf(pins, "whatever")).toBeUndefined();
    expect(pinOf(undefined, "acme")).toBeUndefined();
  });

  it("are PINS_MAX at most, and PIN_BYTES_MAX bytes together", () => {
    expect(patchPins([], { pin: names(PINS_MAX) })).toHaveLength(PINS_MAX);
    expect(() => patchPins(names(PINS_MAX), { alsoPin: ["more"] })).toThrow(refused);
    const long = names(PIN_BYTES_MAX / NAME_BYTES_MAX, NAME_BYTES_MAX);
    expect(patchPins([], { pin: long })).toHaveLength(long.length);
    expect(() => patchPins(long, { alsoPin: ["a"] })).toThrow(refused);
  });

  it("are no empty, endless or broken names, and no other value", () => {
    for (const pin of ["", "a".repeat(NAME_BYTES_MAX + 1), "a\0", "\ud800"]) {
      expect(() => patchPins([], { pin: [pin] }), JSON.stringify(pin)).toThrow(refused);
    }
    for (const pin of ["a", { 0: "a" }, [1]] as unknown as (readonly string[])[]) {
      expect(() => patchPins([], { pin })).toThrow(refused);
      expect(() => patchPins([], { unpin: pin })).toThrow(refused);
    }
  });
});
