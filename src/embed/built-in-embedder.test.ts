import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBuiltInEmbedder, EMBED_TEXT_LENGTH_MAX, EMBED_TEXTS_MAX } from "./index.ts";

function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0;
  a.forEach((value, i) => {
    dot += value * (b[i] ?? 0);
  });
  return dot;
}

async function embedPair(a: string, b: string): Promise<number> {
  const [left, right] = await createBuiltInEmbedder().embed([a, b]);
  return cosine(left ?? new Float32Array(), right ?? new Float32Array());
}

const TEXTS = [
  "The insula was an apartment house of many tenants.",
  "ÄÖÜ straße — naïve café",
  "ベクトル検索は楽しい",
  "向量数据库 multi-tenant 2025",
  "🚀🚀",
  "!!!",
  "a",
];

describe("built-in embedder", () => {
  it("gives the same bytes on every machine and in every release", async () => {
    const hash = createHash("sha256");
    for (const dimension of [1, 7, 256, 1024]) {
      for (const vector of await createBuiltInEmbedder({ dimension }).embed(TEXTS)) {
        hash.update(vector);
      }
    }
    expect(hash.digest("hex")).toBe(
      "fbe992a2b9820850a3b9cfd05a89fbc17fb96fcc5d9f92aba8cacedf8aacdde6",
    );
  });

  it("returns vectors of length 1 for any visible text and any dimension", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "binary" }),
        fc.integer({ min: 1, max: 4096 }),
        async (text, dimension) => {
          const [vector] = await createBuiltInEmbedder({ dimension }).embed([`x${text}`]);
          expect(vector).toHaveLength(dimension);
          expect(
            Math.abs(cosine(vector ?? new Float32Array(), vector ?? new Float32Array()) - 1),
          ).toBeLessThan(1e-5);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("puts similar texts nearer than unrelated ones", async () => {
    const similar = await embedPair(
      "how do I reset my password?",
      "resetting a forgotten password",
    );
    const unrelated = await embedPair(
      "how do I reset my password?",
      "the train to Rome leaves at noon",
    );
    expect(similar).toBeGreaterThan(unrelated + 0.2);
  });

  it("survives misspellings through character n-grams", async () => {
    const misspelt = await embedPair("vector database", "vectr databse");
    const unrelated = await embedPair("vector database", "green apples");
    expect(misspelt).toBeGreaterThan(unrelated + 0.2);
  });

  it("does not see case, width or composition of letters", async () => {
    expect(await embedPair("CAFÉ Ｔｏｋｙｏ", "cafe\u0301 tokyo")).toBeCloseTo(1, 6);
  });

  it("finds parts of texts that are written without blanks", async () => {
    const related = await embedPair("向量数据库的多租户隔离", "多租户数据库");
    const unrelated = await embedPair("向量数据库的多租户隔离", "今天天气很好");
    expect(related).toBeGreaterThan(unrelated + 0.2);
  });

  it("repeats of a word count less than proportionally", async () => {
    const once = await embedPair("apple pear", "apple");
    const often = await embedPair("apple apple apple apple apple apple apple apple pear", "apple");
    expect(often).toBeGreaterThan(once);
    expect(often).toBeLessThan(0.99);
  });

  it.each(["", "   ", "\n\t\u00a0", "\u200b\u0000"])("refuses the blank text %j", async (text) => {
    await expect(createBuiltInEmbedder().embed(["fine", text])).rejects.toMatchObject({
      code: "argument_invalid",
      details: { position: 1 },
    });
  });

  it.each([0, -1, 4097, 1.5, Number.NaN])("refuses the dimension %d", (dimension) => {
    expect(() => createBuiltInEmbedder({ dimension })).toThrow(
      /expected a whole number from 1 to 4096/,
    );
  });

  it("bounds the number of texts and the length of one", async () => {
    const embedder = createBuiltInEmbedder({ dimension: 1 });
    const tooMany = new Array<string>(EMBED_TEXTS_MAX + 1).fill("a");
    await expect(embedder.embed(tooMany)).rejects.toMatchObject({ code: "batch_too_large" });
    await expect(embedder.embed(["a".repeat(EMBED_TEXT_LENGTH_MAX + 1)])).rejects.toMatchObject({
      code: "argument_invalid",
    });
  });

  it("stops when the caller gives up, and gives the thread back on long work", async () => {
    const controller = new AbortController();
    let restCount = 0;
    const rest = (): Promise<void> => {
      restCount += 1;
      controller.abort(new Error("gone"));
      return Promise.resolve();
    };
    const long = "word ".repeat(20_000);
    await expect(
      createBuiltInEmbedder({ rest }).embed([long, long], controller.signal),
    ).rejects.toThrow("gone");
    expect(restCount).toBe(1);
  });
});
