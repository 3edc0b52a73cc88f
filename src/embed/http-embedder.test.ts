import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isInsulaError } from "../base/errors.ts";
import type { Embedder } from "./embedder.ts";
import {
  FakeService,
  json,
  SHORT_TIMEOUT_MS,
  shortDoors,
  type Answering,
} from "./fake-service.contract.ts";
import { cutBatches, openHttpEmbedder, type HttpEmbedderSettings } from "./http-embedder.ts";
import type { CallLimits } from "./json-caller.ts";

const KEY = "sk-a-key-that-nobody-may-see";

let service: FakeService;
let doors: ReturnType<typeof shortDoors>;
beforeEach(async () => {
  service = await FakeService.open();
  doors = shortDoors();
});
afterEach(async () => {
  await service.close();
});

/** Vectors that tell which text they are of: `[length, 1]`. */
const openaiAnswer: Answering = (call, response) => {
  const texts = call.body["input"] as string[];
  const data = texts.map((text, index) => ({ index, embedding: [text.length, 1] })).reverse();
  json({ object: "list", data })(call, response);
};

const dashscopeAnswer: Answering = (call, response) => {
  const { texts } = call.body["input"] as { texts: string[] };
  const embeddings = texts.map((text, i) => ({ embedding: [text.length, 1], text_index: i }));
  json({ output: { embeddings: embeddings.reverse() } })(call, response);
};

function open(
  more: Partial<HttpEmbedderSettings> = {},
  limits: Partial<CallLimits> = {},
): Promise<Embedder> {
  const settings: HttpEmbedderSettings = {
    kind: "openai",
    url: more.url ?? service.url,
    model: "m-1",
    dimension: 2,
    apiKey: KEY,
    ...more,
  };
  return openHttpEmbedder(settings, doors, { limits });
}

/** What a failed call throws, checked for secrets and texts on the way. */
async function failureOf(work: Promise<unknown>): Promise<{
  code: string;
  message: string;
  retryAfterMs: number | undefined;
}> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isInsulaError(error)) throw new TypeError(`no InsulaError: ${String(error)}`);
  const everything = `${error.message} ${error.stack ?? ""} ${JSON.stringify(error.details)}`;
  expect(everything).not.toContain(KEY);
  expect(everything).not.toContain("private text");
  return { code: error.code, message: error.message, retryAfterMs: error.retryAfterMs };
}

describe("a good service", () => {
  test("of OpenAI's interface is asked with model, texts, dimension and key", async () => {
    service.answers = [openaiAnswer];
    const embedder = await open();
    const vectors = await embedder.embed(["abc", "z"]);
    expect(service.calls).toHaveLength(1);
    expect(service.calls[0]).toMatchObject({
      path: "/v1/embeddings",
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
      body: { model: "m-1", input: ["abc", "z"], dimensions: 2 },
    });
    expect(embedder).toMatchObject({ model: "m-1", dimension: 2 });
    const [first = [], second = []] = vectors.map((vector) => Array.from(vector));
    expect(first[0]).toBeCloseTo(3 / Math.sqrt(10), 6);
    expect(second[0]).toBeCloseTo(Math.SQRT1_2, 6);
  });

  test("without a key and a dimension is sent neither, and the dimension is learnt", async () => {
    service.answers = [openaiAnswer];
    const embedder = await open({ apiKey: undefined, dimension: undefined });
    expect(embedder.dimension).toBe(2);
    await embedder.embed(["abc"]);
    for (const call of service.calls) {
      expect(call.headers.authorization).toBeUndefined();
      expect(Object.keys(call.body).sort()).toEqual(["input", "model"]);
    }
  });

  test("of DashScope's interface gets its own path and members", async () => {
    service.answers = [dashscopeAnswer];
    const embedder = await open({ kind: "dashscope", url: `${service.url}/` });
    const vectors = await embedder.embed(["abc", "z"]);
    expect(service.calls[0]).toMatchObject({
      path: "/v1/services/embeddings/text-embedding/text-embedding",
      body: { model: "m-1", input: { texts: ["abc", "z"] }, parameters: { dimension: 2 } },
    });
    expect(vectors[0]?.[0]).toBeCloseTo(3 / Math.sqrt(10), 6);
  });

  test("gets many texts in calls of its size, few at once, and the vectors come in order", async () => {
    service.answers = [
      (call, response) => {
        setTimeout(() => {
          openaiAnswer(call, response);
        }, 50);
      },
    ];
    const embedder = await open();
    const texts = Array.from({ length: 1_000 }, (_, i) => "x".repeat(i + 1));
    const vectors = await embedder.embed(texts);
    expect(service.calls).toHaveLength(16);
    expect(service.underWayMax).toBe(4);
    vectors.forEach((vector, i) => {
      expect((vector[0] ?? 0) / (vector[1] ?? 0)).toBeCloseTo(i + 1, 1);
    });
  });

  test("is not asked for nothing, nor for a blank text, nor for too many", async () => {
    const embedder = await open();
    expect(await embedder.embed([])).toEqual([]);
    await expect(embedder.embed(["a", " \n"])).rejects.toMatchObject({ code: "argument_invalid" });
    await expect(embedder.embed(new Array<string>(10_001).fill("a"))).rejects.toMatchObject({
      code: "batch_too_large",
    });
    expect(service.calls).toEqual([]);
  });
});

test("batches are cut by count and by bytes, a long text goes alone, order stays", () => {
  expect(cutBatches(["a", "b", "c"], 2)).toEqual([["a", "b"], ["c"]]);
  const half = "x".repeat(131_072);
  expect(cutBatches([half, half, "y"], 9).map(({ length }) => length)).toEqual([2, 1]);
  const long = "€".repeat(262_144);
  expect(cutBatches(["a", long, "b"], 9)).toEqual([["a"], [long], ["b"]]);
  expect(cutBatches([], 9)).toEqual([]);
});

describe("a service in trouble", () => {
  test("that is busy is asked again, never sooner than it says", async () => {
    service.answers = [json({}, 429, { "retry-after": "7" }), json({}, 500), openaiAnswer];
    const embedder = await open();
    await embedder.embed(["abc"]);
    expect(service.calls).toHaveLength(3);
    expect(doors.pausesMs[0]).toBe(7_000);
    expect(doors.pausesMs[1]).toBeGreaterThanOrEqual(500);
    expect(doors.pausesMs[1]).toBeLessThanOrEqual(1_000);
  });

  test("may name the time to come back as a date", async () => {
    const at = new Date(Date.UTC(2026, 0, 1, 0, 0, 30)).toUTCString();
    service.answers = [json({}, 503, { "retry-after": at }), openaiAnswer];
    await (await open()).embed(["abc"]);
    expect(doors.pausesMs).toEqual([30_000]);
  });

  test("for longer than we wait is given up at once, and the caller told how long", async () => {
    service.answers = [json({}, 429, { "retry-after": "3600" })];
    const failure = await failureOf((await open()).embed(["private text"]));
    expect(failure).toMatchObject({ code: "embedder_unavailable", retryAfterMs: 3_600_000 });
    expect(service.calls).toHaveLength(1);
  });

  test("is given up after four tries, with growing pauses between them", async () => {
    service.answers = [json({ code: "Throttling" }, 500)];
    const failure = await failureOf((await open()).embed(["private text"]));
    expect(failure.code).toBe("embedder_unavailable");
    expect(failure.message).toContain("status 500 (Throttling); 4 tries");
    expect(failure.retryAfterMs).toBeGreaterThan(0);
    expect(service.calls).toHaveLength(4);
    const [a = 0, b = 0, c = 0] = doors.pausesMs;
    expect(doors.pausesMs).toHaveLength(3);
    expect(b).toBeGreaterThan(a);
    expect(c).toBeGreaterThan(b);
  });

  test("that is slow is cut off and asked again", async () => {
    let seen = 0;
    service.answers = [
      (call, response) => {
        if (++seen > 1) openaiAnswer(call, response);
      },
    ];
    const embedder = await open({}, { timeoutMs: SHORT_TIMEOUT_MS });
    expect(await embedder.embed(["abc"])).toHaveLength(1);
    expect(seen).toBe(2);
  });

  test("that sends its head and then nothing is cut off too", async () => {
    service.answers = [
      (_, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.write("{");
      },
    ];
    const embedder = await open({}, { timeoutMs: SHORT_TIMEOUT_MS, triesMax: 2 });
    const failure = await failureOf(embedder.embed(["private text"]));
    expect(failure).toMatchObject({ code: "embedder_unavailable" });
    expect(failure.message).toContain("did not answer in time");
  });

  test("whose connection breaks is asked again", async () => {
    service.answers = [(_, response) => response.destroy(), openaiAnswer];
    expect(await (await open()).embed(["abc"])).toHaveLength(1);
    expect(service.calls).toHaveLength(2);
  });

  test("that is not there is named with its address", async () => {
    const { url } = service;
    await service.close();
    const failure = await failureOf((await open({ url })).embed(["private text"]));
    service = await FakeService.open();
    expect(failure.code).toBe("embedder_unavailable");
    expect(failure.message).toContain(`${url}/embeddings`);
    expect(failure.message).toContain("ECONNREFUSED");
  });

  test("whose answer is cut short is asked again, with and without an announced length", async () => {
    service.answers = [
      (_, response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write('{"data":[');
        setImmediate(() => response.destroy());
      },
      (_, response) => {
        response.writeHead(200, { connection: "close" });
        response.end('{"data":[');
      },
      openaiAnswer,
    ];
    expect(await (await open()).embed(["abc"])).toHaveLength(1);
    expect(service.calls).toHaveLength(3);
  });

  test.each([["announced"], ["streamed"]])("whose answer is huge, %s, is not read", async (how) => {
    service.answers = [
      (_, response) => {
        const headers = how === "announced" ? { "content-length": "2000" } : {};
        response.writeHead(200, headers);
        response.write("[".repeat(1_500));
        response.end("[".repeat(500));
      },
    ];
    const embedder = await open({}, { answerBytesMax: 1_000 });
    const failure = await failureOf(embedder.embed(["private text"]));
    expect(failure.code).toBe("embedder_unusable");
    expect(failure.message).toContain("longer than 1000 bytes");
    expect(service.calls).toHaveLength(1);
  });
});

describe("a service that cannot be used as configured", () => {
  test.each([
    [401, "does not accept the key"],
    [403, "may not use it"],
    [404, "no such model"],
    [400, "refuses the call"],
  ])("and says %i is not asked again", async (status, words) => {
    service.answers = [json({ error: { message: `${KEY} private text`, code: "bad_x" } }, status)];
    const failure = await failureOf((await open()).embed(["private text"]));
    expect(failure).toMatchObject({ code: "embedder_unusable", retryAfterMs: undefined });
    expect(failure.message).toContain(words);
    expect(failure.message).toContain(`status ${String(status)} (bad_x)`);
    expect(service.calls).toHaveLength(1);
  });

  test("a code that repeats the key is left out", async () => {
    service.answers = [json({ code: KEY }, 401)];
    await failureOf((await open()).embed(["private text"]));
  });

  test.each([["same host"], ["another host"]])(
    "a redirect to the %s is not followed",
    async (to) => {
      const other = await FakeService.open();
      other.answers = [openaiAnswer];
      const location = to === "same host" ? "/v2/embeddings" : `${other.url}/embeddings`;
      service.answers = [json({}, 307, { location })];
      const failure = await failureOf((await open()).embed(["private text"]));
      expect(failure.code).toBe("embedder_unusable");
      expect(failure.message).toContain(`redirect to ${new URL(location, service.url).origin}`);
      expect([service.calls.length, other.calls.length]).toEqual([1, 0]);
      await other.close();
    },
  );

  test.each([
    ["another dimension", { data: [{ index: 0, embedding: [1, 2, 3] }] }, "expected vectors of 2"],
    ["a null", { data: [{ index: 0, embedding: [1, null] }] }, "not all finite"],
    ["zeros", { data: [{ index: 0, embedding: [0, 0] }] }, "no direction"],
    ["no numbers", { data: [{ index: 0, embedding: "AAAA" }] }, "no list of numbers"],
    ["too few vectors", { data: [] }, "expected 1 embeddings, received 0"],
    ["another text's vector", { data: [{ index: 4, embedding: [1, 2] }] }, "every index once"],
    ["another shape", ["?"], "expected a list of embeddings"],
    ["nothing", null, "expected a list of embeddings"],
  ])("answers with %s", async (_, answer, words) => {
    service.answers = [json(answer)];
    const failure = await failureOf((await open()).embed(["private text"]));
    expect(failure.code).toBe("embedder_unusable");
    expect(failure.message).toContain(words);
    expect(service.calls).toHaveLength(1);
  });

  test("one wrong batch fails the whole embed and stops the others", async () => {
    service.answers = [openaiAnswer, json({}, 400), (_, _response) => undefined];
    const embedder = await open();
    const failure = await failureOf(embedder.embed(new Array<string>(640).fill("private text")));
    expect(failure.code).toBe("embedder_unusable");
    expect(service.calls.length).toBeLessThan(10);
  });
});

describe("a caller who gives up", () => {
  test("before the call sends nothing", async () => {
    const embedder = await open();
    const reason = new TypeError("gone");
    await expect(embedder.embed(["a"], AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(service.calls).toEqual([]);
  });

  test("during the call or a pause gets the own reason at once", async () => {
    const embedder = await open();
    const reason = new TypeError("gone");
    for (const answer of [() => undefined, json({}, 503)]) {
      const abort = new AbortController();
      service.answers = [
        (call, response) => {
          answer(call, response);
          setImmediate(() => {
            abort.abort(reason);
          });
        },
      ];
      await expect(embedder.embed(["a"], abort.signal)).rejects.toBe(reason);
    }
  });
});

test("more calls than may wait are refused at once with a time to come back", async () => {
  service.answers = [
    (call, response) => {
      setTimeout(() => {
        openaiAnswer(call, response);
      }, 20);
    },
  ];
  const embedder = await open({}, { atOnceMax: 1, waitingMax: 1 });
  const calls = ["a", "b", "c"].map((text) => embedder.embed([text]));
  const results = await Promise.allSettled(calls);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  const failure = await failureOf(calls[2] ?? Promise.resolve());
  expect(failure).toMatchObject({ code: "embedder_unavailable", retryAfterMs: 1_000 });
});
