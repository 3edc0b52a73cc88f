import { describe, expect, it } from "vitest";
import { PAGE_BYTES, createSharedMemory } from "./wasm.ts";
import { WordViews } from "./word-views.ts";

describe("WordViews", () => {
  it("shows the same bytes as words and as numbers", () => {
    const views = new WordViews(createSharedMemory(1, 2));
    views.floats[3] = 1;
    expect(views.words[3]).toBe(0x3f80_0000);
  });

  it("reaches what a memory has grown by, and keeps its views until then", () => {
    const memory = createSharedMemory(1, 2);
    const views = new WordViews(memory);
    const before = views.words;
    expect(views.words).toBe(before);
    memory.grow(1);
    views.words[PAGE_BYTES / 4] = 7;
    expect(new Uint32Array(memory.buffer, PAGE_BYTES, 1)[0]).toBe(7);
    expect(views.floats).toHaveLength(PAGE_BYTES / 2);
  });
});
