/**
 * What one interface can say and another cannot: how it then shows. Each test is a line of
 * docs/one-data-set.md.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CREDENTIALS, ServerChild } from "../support/server-child.ts";
import { Refused, type PairInterface, type PointCalls } from "./interface.ts";
import { openCommand, openNative, runCommand } from "./ours.ts";
import { openOss, openS3 } from "./vendors.ts";

const dataDir = mkdtempSync(path.join(tmpdir(), "insula-pairs-"));
const DATABASE = "beyond";
const at = (collection: string) => ({ database: DATABASE, collection });

let server: ServerChild;
let oss: Pointed;
let s3: Pointed;
let native: Pointed;
let command: PairInterface;

type Pointed = PairInterface & { readonly point: PointCalls };

function pointed(opened: PairInterface): Pointed {
  if (opened.point === undefined) throw new Error(`${opened.name} has no calls about records.`);
  return { ...opened, point: opened.point };
}

beforeAll(async () => {
  server = await ServerChild.start({ dataDir, port: 0 });
  oss = pointed(openOss(server.url));
  s3 = pointed(openS3(server.url));
  native = pointed(openNative(server.url));
  command = openCommand(server.url);
  await native.createDatabase(DATABASE);
  await native.createIndex(at("cosine"), { dimension: 2, metric: "cosine" });
});

afterAll(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** @returns status and code of the refusal */
async function refusalOf(call: Promise<unknown>): Promise<string> {
  const outcome = await call.then(
    () => "it was done",
    (error: unknown) => error,
  );
  if (outcome instanceof Refused) return `${String(outcome.status)} ${outcome.code}`;
  throw outcome instanceof Error ? outcome : new Error(String(outcome));
}

/** A call of our own interface with a body that is not made by a client of ours. */
async function post(target: string, body: string): Promise<number> {
  const { status } = await fetch(new URL(`/insula/v1/${target}`, server.url), {
    method: "POST",
    headers: {
      authorization: `Bearer ${CREDENTIALS.secret}`,
      "content-type": "application/json",
    },
    body,
  });
  return status;
}

describe("keys", () => {
  const longest = "k".repeat(4_096);

  it("of more than 1,024 characters are listed by the vendors' calls, not fetched", async () => {
    await native.createIndex(at("keys"), { dimension: 2, metric: "cosine" });
    await native.put(at("keys"), [{ key: longest, vector: [1, 0] }]);
    for (const vendor of [oss, s3]) {
      expect((await vendor.list(at("keys"))).map(({ key }) => key)).toEqual([longest]);
      const hits = await vendor.point.query(at("keys"), {
        vector: [1, 0],
        topK: 1,
      });
      expect(hits.map(({ key }) => key)).toEqual([longest]);
    }
    expect(await refusalOf(oss.point.get(at("keys"), [longest]))).toBe(
      "400 VectorIndexParameterInvalid",
    );
    expect(await refusalOf(s3.point.get(at("keys"), [longest]))).toBe("400 ValidationException");
    expect((await command.list(at("keys"))).map(({ key }) => key)).toEqual([longest]);
  });

  it("of more than 4,096 bytes are refused by all", async () => {
    const record = { key: `${longest}k`, vector: [1, 0] };
    expect(await refusalOf(oss.put(at("cosine"), [record]))).toBe(
      "400 VectorIndexParameterInvalid",
    );
    expect(await refusalOf(s3.put(at("cosine"), [record]))).toBe("400 ValidationException");
    expect(await refusalOf(native.put(at("cosine"), [record]))).toBe("400 key_invalid");
    expect(await refusalOf(command.put(at("cosine"), [record]))).toBe("2 exit");
  });
});

describe("names", () => {
  it.each(["my-index.v2", "under_score", "a", "Abc9", "0"])(
    "of an index that both vendors find although not both can make it: %s",
    async (name) => {
      await native.createIndex(at(name), { dimension: 2, metric: "cosine" });
      await native.put(at(name), [{ key: name, vector: [1, 0] }]);
      for (const reader of [oss, s3, command]) {
        expect((await reader.list(at(name))).map(({ key }) => key)).toEqual([name]);
      }
    },
  );

  it.each(["Größe/Tür", "x".repeat(64), ".hidden"])(
    "of a collection that no vendor can say, and our own interfaces can: %s",
    async (name) => {
      await native.createIndex(at(name), { dimension: 2, metric: "cosine" });
      await native.put(at(name), [{ key: "k", vector: [1, 0] }]);
      expect(await refusalOf(oss.list(at(name)))).toBe("400 VectorIndexParameterInvalid");
      expect(await refusalOf(s3.list(at(name)))).toBe("400 ValidationException");
      expect(await command.list(at(name))).toHaveLength(1);
    },
  );

  it("of a database in capital letters is found by OSS Vectors and refused by S3 Vectors", async () => {
    const place = { database: "Upper-Case", collection: "abc" };
    await native.createDatabase(place.database);
    await native.createIndex(place, { dimension: 2, metric: "cosine" });
    expect(await oss.list(place)).toEqual([]);
    expect(await refusalOf(s3.list(place))).toBe("400 ValidationException");
  });
});

describe("shapes", () => {
  it("with tenants or with named vectors are no index to the vendors", async () => {
    const collections = `databases/${DATABASE}/collections`;
    const named = {
      name: "named",
      vectors: [{ name: "v", dimension: 2, metric: "dot" }],
    };
    const multi = { name: "multi", dimension: 2, tenancy: "multi" };
    for (const body of [named, multi]) {
      expect(await post(collections, JSON.stringify(body))).toBe(201);
      expect(await refusalOf(oss.list(at(body.name)))).toBe("404 NoSuchVectorIndex");
      expect(await refusalOf(s3.list(at(body.name)))).toBe("404 NotFoundException");
    }
  });

  it("of more than 4,096 numbers are read and searched by the vendors' calls", async () => {
    const vector = Array.from({ length: 5_000 }, (_, i) => i);
    await native.createIndex(at("wide"), {
      dimension: 5_000,
      metric: "cosine",
    });
    await native.put(at("wide"), [{ key: "w", vector }]);
    for (const vendor of [oss, s3]) {
      expect((await vendor.list(at("wide")))[0]?.vector).toEqual(vector);
      const [hit] = await vendor.point.query(at("wide"), { vector, topK: 1 });
      expect(hit).toMatchObject({ key: "w", distance: 0 });
    }
  });
});

describe("metrics", () => {
  it("dot is refused where a vendor makes an index, and searched where we made it", async () => {
    const shape = { dimension: 2, metric: "dot" } as const;
    expect(await refusalOf(oss.createIndex(at("ossdot"), shape))).toBe(
      "400 VectorIndexParameterInvalid",
    );
    expect(await refusalOf(s3.createIndex(at("s3dot"), shape))).toBe("400 ValidationException");
    await native.createIndex(at("dot"), shape);
    await oss.put(at("dot"), [{ key: "k", vector: [2, 3] }]);
    for (const reader of [oss, s3, native]) {
      const [hit] = await reader.point.query(at("dot"), {
        vector: [10, 1],
        topK: 1,
      });
      expect(hit).toMatchObject({ key: "k", distance: -23 });
    }
  });

  it("a zero vector of a cosine index is refused by the vendors and 1 from everything", async () => {
    const zero = { key: "zero", vector: [0, 0] };
    await native.createIndex(at("zeros"), { dimension: 2, metric: "cosine" });
    expect(await refusalOf(oss.put(at("zeros"), [zero]))).toBe("400 VectorIndexParameterInvalid");
    expect(await refusalOf(s3.put(at("zeros"), [zero]))).toBe("400 ValidationException");
    await native.put(at("zeros"), [zero]);
    await command.put(at("zeros"), [{ ...zero, key: "imported" }]);
    for (const reader of [oss, s3, native]) {
      const hits = await reader.point.query(at("zeros"), {
        vector: [3, 4],
        topK: 9,
      });
      expect(hits.map(({ key, distance }) => [key, distance])).toEqual([
        ["imported", 1],
        ["zero", 1],
      ]);
    }
  });

  it.each(["cosine", "euclidean", "dot"] as const)(
    "distances beyond float32 are finite numbers in every answer: %s",
    async (metric) => {
      const most = 3.4028234663852886e38;
      const place = at(`far${metric}`);
      await native.createIndex(place, { dimension: 2, metric });
      await native.put(place, [
        { key: "max", vector: [most, most] },
        { key: "min", vector: [-most, -most] },
        { key: "one", vector: [1, 0] },
      ]);
      for (const reader of [oss, s3, native]) {
        for (const vector of [
          [most, most],
          [-most, most],
          [1e20, 1e20],
        ]) {
          const hits = await reader.point.query(place, { vector, topK: 9 });
          expect(hits).toHaveLength(3);
          for (const { distance } of hits) expect(Math.abs(distance)).toBeLessThanOrEqual(most);
        }
      }
    },
  );
});

describe("metadata", () => {
  it.each([
    ["null", { nothing: null }],
    ["an empty name", { "": 1 }],
    ["more than 40,960 bytes", { text: "x".repeat(41_000) }],
    ["more than 2,048 filterable bytes", { other: "x".repeat(2_100) }],
  ])("%s is refused by the vendors and written by our own", async (_, metadata) => {
    const records = [{ key: "k", vector: [1, 0], metadata }];
    expect(await refusalOf(oss.put(at("cosine"), records))).toBe("400 VectorIndexParameterInvalid");
    expect(await refusalOf(s3.put(at("cosine"), records))).toBe("400 ValidationException");
    await native.put(at("cosine"), records);
    for (const reader of [oss, s3, native]) {
      expect(await reader.point.get(at("cosine"), ["k"])).toEqual(records);
    }
  });

  it("of 51 names is refused by S3 Vectors alone", async () => {
    const names = Array.from({ length: 51 }, (_, i) => [`n${String(i)}`, i]);
    const metadata = Object.fromEntries(names) as Record<string, number>;
    const records = [{ key: "many", vector: [1, 0], metadata }];
    expect(await refusalOf(s3.put(at("cosine"), records))).toBe("400 ValidationException");
    await oss.put(at("cosine"), records);
    expect(await s3.point.get(at("cosine"), ["many"])).toEqual(records);
  });

  it("integers of 64 bits keep every digit; longer ones become the nearest double", async () => {
    const body = (text: string): string =>
      `{"records":[{"key":"i","vector":[1,0],"metadata":{"n":${text}}}]}`;
    const upsert = `databases/${DATABASE}/collections/cosine/records/upsert`;
    for (const [text, value] of [
      ["9007199254740993", 9_007_199_254_740_993n],
      ["18446744073709551616", 18_446_744_073_709_551_616],
      ["-0", 0],
    ] as const) {
      expect(await post(upsert, body(text))).toBe(200);
      for (const reader of [oss, s3, native]) {
        const [record] = await reader.point.get(at("cosine"), ["i"]);
        expect(Number(record?.metadata?.["n"])).toBe(Number(value));
        expect(typeof record?.metadata?.["n"] === "bigint").toBe(typeof value === "bigint");
      }
    }
    expect(await post(upsert, body("1e400"))).toBe(400);
  });

  it("a date is no text to a filter, only something that exists", async () => {
    const at1 = new Date("2024-05-01T00:00:00.000Z");
    await native.createIndex(at("dates"), { dimension: 2, metric: "cosine" });
    await native.put(at("dates"), [{ key: "d", vector: [1, 0], metadata: { at: at1 } }]);
    for (const reader of [oss, s3, native]) {
      const find = async (where: Record<string, unknown>): Promise<number> =>
        (
          await reader.point.query(at("dates"), {
            vector: [1, 0],
            topK: 1,
            where,
          })
        ).length;
      expect(await find({ at: at1.toISOString() })).toBe(0);
      expect(await find({ at: { $exists: true } })).toBe(1);
    }
    const where = { at: { $gt: { $date: "2024-04-01T00:00:00Z" } } };
    expect(await native.point.query(at("dates"), { vector: [1, 0], topK: 1, where })).toHaveLength(
      1,
    );
  });
});

describe("texts", () => {
  it("that the command embeds are metadata to everybody", async () => {
    const words = ["--create", "--text", "My radiator is cold", "--key", "cold"];
    const place = ["--database", DATABASE, "--collection", "texts"];
    await runCommand(server.url, ["put", ...place, ...words, "--metadata", "floor=3"]);
    for (const reader of [oss, s3, native, command]) {
      const [record] = await reader.list(at("texts"));
      expect(record).toMatchObject({
        key: "cold",
        metadata: {
          text: "My radiator is cold",
          floor: "3",
          part: 0,
          parts: 1,
        },
      });
      expect(record?.vector).toHaveLength(1_024);
    }
    const where = { text: "My radiator is cold" };
    const search = { vector: new Array<number>(1_024).fill(1), topK: 1, where };
    // `insula put` declares the text as unfilterable: filters on it mean something to ours alone.
    expect(await refusalOf(oss.point.query(at("texts"), search))).toBe(
      "400 VectorIndexParameterInvalid",
    );
    expect(await refusalOf(s3.point.query(at("texts"), search))).toBe("400 ValidationException");
    expect(await native.point.query(at("texts"), search)).toHaveLength(1);
  });

  it("that another interface writes are found by the command, once the model is known", async () => {
    const vector = Array.from({ length: 1_024 }, (_, i) => Number(i === 1));
    const record = {
      key: "vendor",
      vector,
      metadata: { text: "a warm boiler" },
    };
    await oss.put(at("texts"), [record]);
    const query = ["query", "--database", DATABASE, "--text", "radiator", "--json", "--collection"];
    const found = JSON.parse(await runCommand(server.url, [...query, "texts"])) as {
      readonly results: readonly { readonly key: string }[];
    };
    expect(found.results.map(({ key }) => key).sort()).toEqual(["cold", "vendor"]);
    await native.createIndex(at("foreign"), {
      dimension: 1_024,
      metric: "cosine",
    });
    await oss.put(at("foreign"), [record]);
    expect(await refusalOf(runCommand(server.url, [...query, "foreign"]))).toBe("4 exit");
  });
});
