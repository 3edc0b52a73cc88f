import { describe, expect, it } from "vitest";
import { wrapWords } from "./wrap-words.ts";

describe("wrapWords", () => {
  it("breaks between words, and fills a line to its last character", () => {
    expect(wrapWords("one two three", 7)).toEqual(["one two", "three"]);
    expect(wrapWords("one two three", 6)).toEqual(["one", "two", "three"]);
  });

  it("leaves a text that fits as it is", () => {
    expect(wrapWords("one two", 7)).toEqual(["one two"]);
    expect(wrapWords("one two", Infinity)).toEqual(["one two"]);
  });

  it("gives a word that is too long a line of its own, whole", () => {
    expect(wrapWords("see /a/long/path/to/copy now", 8)).toEqual([
      "see",
      "/a/long/path/to/copy",
      "now",
    ]);
    expect(wrapWords("/a/long/path", 3)).toEqual(["/a/long/path"]);
  });

  it("makes one empty line of nothing", () => {
    expect(wrapWords("", 10)).toEqual([""]);
  });

  it("loses no word, at any width", () => {
    const text = "a bb ccc dddd eeeee ffffff";
    for (let width = 1; width <= text.length; width++)
      expect(wrapWords(text, width).join(" ")).toBe(text);
  });
});
