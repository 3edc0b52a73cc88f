import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkChunkOptions, cutText } from "./text-chunks.ts";

describe("cutting texts", () => {
  it("leaves a short text whole", () => {
    expect(cutText("  one line  ", { size: 50, overlap: 10 })).toEqual(["one line"]);
  });

  it("has no chunk for a blank text", () => {
    expect(cutText(" \n ", { size: 50, overlap: 10 })).toEqual([]);
  });

  it("cuts after paragraphs before it cuts after sentences or words", () => {
    const first = "A sentence here. And another one to fill it.";
    const chunks = cutText(`${first}\n\nSecond paragraph that goes on and on.`, {
      size: 60,
      overlap: 0,
    });
    expect(chunks).toEqual([first, "Second paragraph that goes on and on."]);
  });

  it("repeats the end of a chunk, from a word on, at the start of the next", () => {
    const words = Array.from({ length: 60 }, (_, i) => `word${String(i)}`).join(" ");
    const chunks = cutText(words, { size: 100, overlap: 20 });
    for (const [i, chunk] of chunks.entries()) {
      const next = chunks[i + 1];
      if (next === undefined) continue;
      expect(
        chunk.endsWith(next.slice(0, 6).trimEnd()) || chunk.includes(next.split(" ")[0] ?? "?"),
      ).toBe(true);
    }
  });

  it("keeps every visible character in order, within the size, and ends", () => {
    const texts = fc.string({
      unit: fc.constantFrom("a", "b ", "\n\n", ". ", "界", "🚀", "\t"),
      maxLength: 400,
    });
    fc.assert(
      fc.property(texts, fc.integer({ min: 50, max: 90 }), (text, size) => {
        const chunks = cutText(text, { size, overlap: 0 });
        expect(chunks.join("").replaceAll(/\s/g, "")).toBe(text.replaceAll(/\s/g, ""));
        for (const chunk of chunks) {
          expect(chunk.length).toBeLessThanOrEqual(size);
          expect(() => encodeURIComponent(chunk)).not.toThrow();
        }
      }),
    );
  });

  it("loses nothing with any overlap", () => {
    const texts = fc.string({ unit: fc.constantFrom("a", "b ", "\n", "🚀"), maxLength: 400 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 0, max: 24 }), (text, overlap) => {
        let position = 0;
        for (const chunk of cutText(text, { size: 50, overlap })) {
          const found = text.indexOf(chunk, Math.max(0, position - 50));
          expect(found).toBeGreaterThanOrEqual(0);
          expect(text.slice(position, found).trim()).toBe("");
          position = Math.max(position, found + chunk.length);
        }
        expect(text.slice(position).trim()).toBe("");
      }),
    );
  });

  it.each([
    [49, 0],
    [8_001, 0],
    [100, 50],
    [100, -1],
    [Number.NaN, 0],
  ])("refuses size %d with overlap %d", (size, overlap) => {
    expect(() => {
      checkChunkOptions({ size, overlap });
    }).toThrow(/expected/);
  });
});
