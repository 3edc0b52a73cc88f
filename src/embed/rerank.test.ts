import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { selectDiverse } from "./diverse-selection.ts";
import { FakeService, json, shortDoors } from "./fake-service.contract.ts";
import { createHttpReranker } from "./http-reranker.ts";
import { fuseRankings, originOf } from "./rank-fusion.ts";
import { rerankHits } from "./rerank-hits.ts";
import type { Reranker } from "./reranker.ts";

describe("reciprocal rank fusion", () => {
  const identityOf = (item: string) => item;

  test("what stands high in both lists comes first", () => {
    const fused = fuseRankings(
      [
        ["a", "b", "c"],
        ["b", "d", "a"],
      ],
      { identityOf },
    );
    expect(fused.map(({ item }) => item)).toEqual(["b", "a", "d", "c"]);
    expect(fused[0]?.score).toBeCloseTo(1 / 62 + 1 / 61, 12);
  });

  test("a weight of zero silences a list, ties keep the order of appearance", () => {
    const options = { identityOf, weights: [0, 1] };
    expect(fuseRankings([["a"], ["b"]], options).map(({ item }) => item)).toEqual(["b", "a"]);
    expect(fuseRankings([["a"], ["b"]], { identityOf }).map(({ item }) => item)).toEqual([
      "a",
      "b",
    ]);
  });

  test("every item comes once, best first, no more than asked for", () => {
    const lists = fc.array(fc.array(fc.constantFrom("a", "b", "c", "d", "e")), { maxLength: 4 });
    fc.assert(
      fc.property(lists, fc.integer({ min: 1, max: 9 }), (rankings, topK) => {
        const fused = fuseRankings(rankings, { identityOf, topK });
        const all = new Set(rankings.flat());
        expect(fused).toHaveLength(Math.min(topK, all.size));
        expect(new Set(fused.map(({ item }) => item)).size).toBe(fused.length);
        for (let i = 1; i < fused.length; i++) {
          expect(fused[i - 1]?.score).toBeGreaterThanOrEqual(fused[i]?.score ?? 0);
        }
      }),
    );
  });

  test("a list that names an item twice does not count it twice", () => {
    const [a, b] = fuseRankings([["a", "a", "a"], ["b"]], { identityOf });
    expect([a?.score, b?.score]).toEqual([1 / 61, 1 / 61]);
  });

  test.each([
    [{ constant: -1 }],
    [{ weights: [1] }],
    [{ weights: [1, Number.NaN] }],
    [{ topK: 0 }],
  ])("the options %j are refused", (options) => {
    expect(() => fuseRankings([["a"], ["b"]], { identityOf, ...options })).toThrow(/Cannot fuse/);
  });

  test("more hits than the bound are refused", () => {
    const list = Array.from({ length: 100_001 }, String);
    expect(() => fuseRankings([list], { identityOf })).toThrow(/at most 100000/);
  });

  test("one key in two places is two hits", () => {
    const place = { database: "d", collection: "c" };
    const names = [
      originOf({ key: "k", place }),
      originOf({ key: "k", place: { ...place, tenant: "t" } }),
      originOf({ key: "k", place: { ...place, tenant: "null" } }),
      originOf({ key: "k2", place }),
    ];
    expect(new Set(names).size).toBe(4);
  });
});

describe("maximal marginal relevance", () => {
  const query = Float32Array.of(1, 0);
  const hit = (name: string, x: number, y: number) => ({ name, vector: Float32Array.of(x, y) });
  const HITS = [hit("a", 1, 0.1), hit("twin of a", 1, 0.11), hit("b", 1, -0.9), hit("c", -1, 0)];
  const choose = (balance: number, topK = 3) =>
    selectDiverse(HITS, { query, vectorOf: ({ vector }) => vector, balance, topK }).then((hits) =>
      hits.map(({ name }) => name),
    );

  test("prefers what is near the query and unlike what was chosen", async () => {
    expect(await choose(0.5, 2)).toEqual(["a", "b"]);
    expect(await choose(1)).toEqual(["a", "twin of a", "b"]);
    expect(await choose(0, 2)).toEqual(["a", "c"]);
    expect(await choose(0.5, 99)).toHaveLength(4);
  });

  test("is what the definition says, for any hits", async () => {
    const rows = fc.array(
      fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 3 }),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 8 }), async (vectors, topK) => {
        const hits = vectors.map((row, i) => ({ i, vector: Float32Array.from(row) }));
        const target = Float32Array.of(1, 2, 3);
        const chosen = await selectDiverse(hits, {
          query: target,
          vectorOf: ({ vector }) => vector,
          topK,
          balance: 0.5,
        });
        expect(new Set(chosen).size).toBe(Math.min(topK, hits.length));
        chosen.forEach((best, step) => {
          const before = chosen.slice(0, step);
          const score = (candidate: (typeof hits)[number]) => {
            const likest = before.map((other) => cosine(candidate.vector, other.vector));
            const penalty = before.length === 0 ? 0 : Math.max(...likest);
            return 0.5 * cosine(candidate.vector, target) - 0.5 * penalty;
          };
          const open = hits.filter((other) => !before.includes(other));
          const top = Math.max(...open.map(score));
          expect(score(best)).toBeGreaterThan(top - 1e-5);
        });
      }),
      { numRuns: 60 },
    );
  });

  test("gives the thread back during long work and stops when asked to", async () => {
    const hits = Array.from({ length: 1_000 }, (_, i) => ({
      vector: new Float32Array(64).fill(1 + (i % 7)),
    }));
    const abort = new AbortController();
    let rests = 0;
    const rest = () => {
      if (++rests === 2) abort.abort(new TypeError("gone"));
      return Promise.resolve();
    };
    const long = selectDiverse(hits, {
      query: new Float32Array(64).fill(1),
      vectorOf: ({ vector }) => vector,
      topK: 1_000,
      rest,
      signal: abort.signal,
    });
    await expect(long).rejects.toThrow("gone");
    expect(rests).toBe(2);
  });

  test("hits without a fitting vector, too many hits and odd options are refused", async () => {
    const vectorOf = (vector: Float32Array | undefined) => vector;
    const one = { query, vectorOf, topK: 1 };
    await expect(selectDiverse([undefined], one)).rejects.toThrow(/ask the search for vectors/);
    await expect(selectDiverse([Float32Array.of(1)], one)).rejects.toThrow(/2 numbers/);
    const many = new Array<Float32Array>(1_001).fill(query);
    await expect(selectDiverse(many, one)).rejects.toMatchObject({ code: "batch_too_large" });
    await expect(selectDiverse([query], { ...one, balance: 2 })).rejects.toThrow(/balance/);
    await expect(selectDiverse([query], { ...one, topK: 0 })).rejects.toThrow(/topK/);
  });
});

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) =>
    x.reduce((sum, v, i) => sum + v * (y[i] ?? 0), 0);
  const lengths = Math.sqrt(dot(a, a) * dot(b, b));
  return lengths === 0 ? 0 : dot(a, b) / lengths;
}

describe("a cross-encoder", () => {
  let service: FakeService;
  beforeEach(async () => {
    service = await FakeService.open();
  });
  afterEach(async () => {
    await service.close();
  });

  const make = (kind: "dashscope" | "cohere"): Reranker =>
    createHttpReranker({ kind, url: service.url, model: "r-1", apiKey: "key" }, shortDoors());
  const RESULTS = [
    { index: 2, relevance_score: 0.25 },
    { index: 0, relevance_score: 0.75 },
  ];

  test("in Cohere's shape is asked and its order taken by score", async () => {
    service.answers = [json({ results: RESULTS })];
    const ranked = await make("cohere").rerank("q", ["a", "b", "c"], { topN: 2 });
    expect(ranked).toEqual([
      { position: 0, relevance: 0.75 },
      { position: 2, relevance: 0.25 },
    ]);
    expect(service.calls[0]).toMatchObject({
      path: "/v1/rerank",
      headers: { authorization: "Bearer key" },
      body: { model: "r-1", query: "q", documents: ["a", "b", "c"], top_n: 2 },
    });
  });

  test("in DashScope's shape too, after it was busy", async () => {
    service.answers = [json({}, 429), json({ output: { results: RESULTS } })];
    const ranked = await make("dashscope").rerank("q", ["a", "b", "c"], { topN: 2 });
    expect(ranked[0]).toEqual({ position: 0, relevance: 0.75 });
    expect(service.calls[1]).toMatchObject({
      path: "/v1/services/rerank/text-rerank/text-rerank",
      body: { input: { query: "q", documents: ["a", "b", "c"] }, parameters: { top_n: 2 } },
    });
  });

  test.each([
    ["too few results", { results: [] }],
    ["a position that is not there", { results: [{ index: 3, relevance_score: 1 }] }],
    ["a position twice", { results: [RESULTS[0], RESULTS[0], RESULTS[1]] }],
    ["no score", { results: [{ index: 0 }] }],
    ["no list", { results: "x" }],
  ])("that answers with %s is refused", async (_, answer) => {
    service.answers = [json(answer)];
    const failed = make("cohere").rerank("q", ["a", "b", "c"], { topN: 1 });
    await expect(failed).rejects.toMatchObject({ code: "embedder_unusable" });
  });

  test("is not asked with a blank query, without documents or with too many", async () => {
    const reranker = make("cohere");
    await expect(reranker.rerank(" ", ["a"])).rejects.toMatchObject({ code: "argument_invalid" });
    await expect(reranker.rerank("q", [])).rejects.toMatchObject({ code: "argument_invalid" });
    const many = new Array<string>(501).fill("a");
    await expect(reranker.rerank("q", many)).rejects.toMatchObject({ code: "batch_too_large" });
    expect(service.calls).toEqual([]);
  });

  test("sees no more of a document than the bound", async () => {
    service.answers = [json({ results: [{ index: 0, relevance_score: 1 }] })];
    await make("cohere").rerank("q", ["x".repeat(20_000)]);
    expect((service.calls[0]?.body["documents"] as string[])[0]).toHaveLength(16_384);
  });
});

describe("hits merged from many places", () => {
  const place = { database: "d", collection: "c" };
  const hit = (key: string, text?: string) => ({
    key,
    distance: 0.5,
    place,
    ...(text !== undefined && { metadata: { text } }),
  });
  /** Longer texts are more relevant. */
  const reranker: Reranker = {
    model: "by length",
    rerank: (_, documents, options) =>
      Promise.resolve(
        documents
          .map((text, position) => ({ position, relevance: text.length }))
          .sort((a, b) => b.relevance - a.relevance)
          .slice(0, options?.topN),
      ),
  };
  const options = {
    query: "q",
    reranker,
    topK: 3,
    textOf: ({ metadata }: { metadata?: { text: string } }) => metadata?.text,
  };

  test("come in the reranker's order, those without a text behind, failures stay", async () => {
    const failures = [{ place, error: new TypeError("x") }];
    const result = {
      hits: [hit("none"), hit("a", "x"), hit("b", "xxx"), hit("c", "xx")],
      failures,
    };
    const reranked = await rerankHits(result, { ...options, topK: 4 });
    expect(reranked.hits.map(({ key, relevance }) => [key, relevance])).toEqual([
      ["b", 3],
      ["c", 2],
      ["a", 1],
      ["none", undefined],
    ]);
    expect(reranked.failures).toBe(failures);
    expect(reranked.hits[0]).toMatchObject({ place, distance: 0.5 });
    expect(result.hits[0]?.key).toBe("none");
  });

  test("are cut to topK, and nobody is asked when no hit has a text", async () => {
    const result = { hits: [hit("a", "x"), hit("b", "xx"), hit("c", "xxx"), hit("d", "xxxx")] };
    expect((await rerankHits(result, options)).hits.map(({ key }) => key)).toEqual(["d", "c", "b"]);
    const mute = { hits: [hit("a"), hit("b", " ")] };
    expect((await rerankHits(mute, options)).hits.map(({ key }) => key)).toEqual(["a", "b"]);
  });

  test("beyond the bound are not shown and keep their order", async () => {
    const hits = Array.from({ length: 502 }, (_, i) => hit(String(i), "x"));
    const reranked = await rerankHits({ hits }, { ...options, topK: 600 });
    expect(reranked.hits).toHaveLength(502);
    expect(reranked.hits.slice(-2).map(({ key, relevance }) => [key, relevance])).toEqual([
      ["500", undefined],
      ["501", undefined],
    ]);
  });
});
