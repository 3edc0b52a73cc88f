import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeEngine } from "../../test/support/fake-engine.ts";
import type { EmbedderSettings } from "../embed/index.ts";
import { FakeService, json, shortDoors } from "../embed/fake-service.contract.ts";
import type { Session } from "./session.ts";
import { openTextCollection, type TextCollectionOptions } from "./text-collection.ts";

let service: FakeService;
let engine: FakeEngine;
beforeEach(async () => {
  service = await FakeService.open();
  engine = new FakeEngine();
  // A model of three numbers that can shorten them to two.
  service.answers = [
    (call, response) => {
      const { input, dimensions = 3 } = call.body as { input: string[]; dimensions?: number };
      const embedding = new Array<number>(dimensions === 2 ? 2 : 3).fill(1);
      json({ data: input.map((_, index) => ({ index, embedding })) })(call, response);
    },
  ];
});
afterEach(async () => {
  await service.close();
});

function open(
  embedder: Partial<EmbedderSettings> = {},
  more: Partial<TextCollectionOptions> = {},
): ReturnType<typeof openTextCollection> {
  const settings = { kind: "openai", url: service.url, model: "m-1", ...embedder };
  return openTextCollection({ catalog: engine.asEngine() } as unknown as Session, {
    database: "d",
    collection: "c",
    tenant: undefined,
    isCreating: false,
    dimension: undefined,
    isModelForced: false,
    texts: { embedder: settings as EmbedderSettings, doors: shortDoors() },
    ...more,
  });
}

const make = { isCreating: true };
const BUILT_IN = { kind: "built-in" } as const;

describe("a collection that is made", () => {
  test("gets the dimension of the model and remembers its name", async () => {
    const embedder = await open({}, make);
    expect(embedder).toMatchObject({ model: "m-1", dimension: 3 });
    const info = await engine.getCollection("d", "c");
    expect(info).toMatchObject({ embeddingModel: "m-1" });
    expect(info?.schema.vectors[0]?.dimension).toBe(3);
    expect(await open()).toMatchObject({ model: "m-1", dimension: 3 });
  });

  test("gets the dimension that was asked for", async () => {
    expect((await open({ dimension: 2 }, make)).dimension).toBe(2);
    expect((await open(BUILT_IN, { ...make, collection: "e", dimension: 77 })).dimension).toBe(77);
  });

  test("is not made when its service cannot be used", async () => {
    service.answers = [json({}, 401)];
    await expect(open({}, make)).rejects.toMatchObject({ code: "embedder_unusable" });
    expect(await engine.getDatabase("d")).toBeUndefined();
  });
});

describe("a collection that is there", () => {
  test("of the built-in model is served by it, whatever is configured", async () => {
    await open(BUILT_IN, { ...make, dimension: 8 });
    const embedder = await open();
    expect(embedder).toMatchObject({ model: "insula-lexical-1", dimension: 8 });
    expect(service.calls).toEqual([]);
  });

  test("of another model is refused, unless that is forced", async () => {
    await open({}, make);
    await expect(open({ model: "m-2" })).rejects.toMatchObject({ code: "model_mismatch" });
    await expect(open(BUILT_IN)).rejects.toThrow(/made with m-1/);
    expect((await open({ model: "m-2" }, { isModelForced: true })).model).toBe("m-2");
  });

  test("with a shorter dimension gets vectors of that dimension", async () => {
    await open({ dimension: 2 }, make);
    const embedder = await open();
    expect(embedder.dimension).toBe(2);
    expect((await embedder.embed(["x"]))[0]).toHaveLength(2);
  });

  test("whose dimension the model cannot give is refused", async () => {
    await open({ dimension: 2 }, make);
    await expect(open({ dimension: 3 })).rejects.toMatchObject({ code: "dimension_mismatch" });
  });

  test("that is empty and knows no model learns it with the first use", async () => {
    await engine.createDatabase("d");
    await engine.createCollection("d", "c", {
      schema: {
        vectors: [{ name: "", dimension: 3, metric: "cosine" }],
        identity: "key",
        unfilterable: [],
      },
    });
    await open();
    expect(await engine.getCollection("d", "c")).toMatchObject({ embeddingModel: "m-1" });
  });
});
