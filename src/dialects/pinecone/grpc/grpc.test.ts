import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ADMIN_KEY,
  PineconeBench,
  REQUEST_ID,
  type GrpcAnswer,
} from "../../../../test/support/pinecone-bench.ts";
import { InsulaError } from "../../../base/errors.ts";
import {
  FloatArena,
  ProtoReader,
  ProtoWriter,
  readStruct,
  writeStruct,
} from "../../../wire/index.ts";
import { projectLabel } from "../hosts.ts";
import { PINECONE_LIMITS } from "../limits.ts";

let bench: PineconeBench;

beforeEach(async () => {
  bench = await PineconeBench.open();
  expect((await bench.withIndex("docs", { metric: "dotproduct" })).status).toBe(201);
});
afterEach(() => bench.close());

type Fill = (writer: ProtoWriter) => void;

function call(
  method: string,
  fill: Fill,
  headers: Record<string, string> = {},
): Promise<GrpcAnswer> {
  const writer = new ProtoWriter();
  fill(writer);
  return bench.grpc(`/VectorService/${method}`, writer.written, headers);
}

interface TestVector {
  readonly id: string;
  readonly values?: readonly number[];
  readonly metadata?: Record<string, string | number | boolean | string[]>;
  readonly sparse?: { readonly indices: readonly number[]; readonly values: readonly number[] };
}

function writeSparse(writer: ProtoWriter, field: number, sparse: TestVector["sparse"]): void {
  if (sparse === undefined) return;
  writer.message(field, () => {
    writer.uints(1, Uint32Array.from(sparse.indices));
    writer.floats(2, Float32Array.from(sparse.values));
  });
}

function upsert(namespace: string, vectors: readonly TestVector[]): Promise<GrpcAnswer> {
  return call("Upsert", (writer) => {
    for (const { id, values = [], metadata, sparse } of vectors) {
      writer.message(1, () => {
        writer.text(1, id);
        writer.floats(2, Float32Array.from(values));
        if (metadata !== undefined) writeStruct(writer, 3, metadata);
        writeSparse(writer, 4, sparse);
      });
    }
    writer.text(2, namespace);
  });
}

/** Fields by number, each as often as it came: numbers, texts, or readers of messages. */
function fieldsOf(message: Buffer | ProtoReader, read: Record<number, "uint" | "text" | "float">) {
  const reader = message instanceof ProtoReader ? message : new ProtoReader(message);
  const fields: Record<number, unknown[]> = {};
  while (reader.next()) {
    const { field } = reader;
    const kind = read[field];
    (fields[field] ??= []).push(kind === undefined ? reader.message() : reader[kind]());
  }
  return fields;
}

const A: TestVector = { id: "a", values: [0.6, 0.8], metadata: { genre: "drama", year: 2020 } };
const B: TestVector = {
  ...{ id: "b", values: [1, 0], sparse: { indices: [7, 4_294_967_295], values: [0.5, -1] } },
  metadata: { tags: ["x", "y"], isNew: true },
};

describe("records over gRPC", () => {
  test("are written, and found with what was asked for, most similar first", async () => {
    const written = await upsert("t1", [A, B]);
    expect(written).toMatchObject({ status: 0, message: Buffer.from([8, 2]) });
    expect(written.headers["x-pinecone-request-id"]).toBe(REQUEST_ID);
    const answer = await call("Query", (writer) => {
      writer.text(1, "t1");
      writer.uint(2, 10);
      writer.bool(4, true);
      writer.bool(5, true);
      writer.floats(7, Float32Array.of(1, 0));
    });
    expect(answer.status).toBe(0);
    const {
      2: matches = [],
      3: namespace,
      4: usage = [],
    } = fieldsOf(answer.message, { 3: "text" });
    expect(namespace).toEqual(["t1"]);
    expect(fieldsOf(usage[0] as ProtoReader, { 1: "uint" })).toEqual({ 1: [1] });
    const read = matches.map((match) => readMatch(match as ProtoReader));
    expect(read).toEqual([
      {
        ...{ id: "b", score: 1, values: [1, 0], metadata: { tags: ["x", "y"], isNew: true } },
      },
      {
        ...{ id: "a", score: Math.fround(0.6), values: [...Float32Array.of(0.6, 0.8)] },
        metadata: { genre: "drama", year: 2020 },
      },
    ]);
  });

  test("are found by filter, by id, and by a dense and a sparse vector in one score", async () => {
    await upsert("", [A, B]);
    const query = async (fill: Fill): Promise<unknown[]> => {
      const answer = await call("Query", (writer) => {
        writer.uint(2, 10);
        fill(writer);
      });
      expect(answer.status, answer.text).toBe(0);
      const { 2: matches = [] } = fieldsOf(answer.message, { 3: "text" });
      return matches
        .map((match) => readMatch(match as ProtoReader))
        .map(({ id, score }) => [id, score]);
    };
    const one = Float32Array.of(1, 0);
    expect(
      await query((writer) => {
        writer.floats(7, one);
        writeStruct(writer, 3, { year: { $gte: 2_000 } });
      }),
    ).toEqual([["a", Math.fround(0.6)]]);
    expect(
      (
        await query((writer) => {
          writer.text(8, "a");
        })
      ).map((hit) => (hit as unknown[])[0]),
    ).toEqual(["a", "b"]);
    expect(
      await query((writer) => {
        writer.floats(7, one);
        writeSparse(writer, 9, { indices: [7], values: [2] });
      }),
    ).toEqual([
      ["b", 2],
      ["a", Math.fround(0.6)],
    ]);
  });

  test("are the records that HTTP sees", async () => {
    await upsert("t1", [A]);
    const fetched = await bench.send("GET /ix/docs/vectors/fetch?ids=a&namespace=t1");
    expect(fetched.json).toMatchObject({
      vectors: { a: { id: "a", values: [0.6, 0.8], metadata: { genre: "drama", year: 2020 } } },
    });
    await bench.send("POST /ix/docs/vectors/upsert", {
      body: { namespace: "t1", vectors: [{ id: "c", values: [0, 1] }] },
    });
    const answer = await call("Fetch", (writer) => {
      for (const id of ["c", "missing", "a"]) writer.text(1, id);
      writer.text(2, "t1");
    });
    const { 1: entries = [], 2: namespace } = fieldsOf(answer.message, { 2: "text" });
    expect(namespace).toEqual(["t1"]);
    expect(entries.map((entry) => fieldsOf(entry as ProtoReader, { 1: "text" })[1])).toEqual([
      ["c"],
      ["a"],
    ]);
    await upsert("t1", [B]);
    const withSparse = await call("Fetch", (writer) => {
      writer.text(1, "b");
      writer.text(2, "t1");
    });
    const { 1: [entry] = [] } = fieldsOf(withSparse.message, { 2: "text" });
    const { 2: [vector] = [] } = fieldsOf(entry as ProtoReader, { 1: "text" });
    const { 4: [sparse] = [] } = fieldsOf(vector as ProtoReader, { 1: "text" });
    expect(readSparse(sparse as ProtoReader)).toEqual(B.sparse);
  });

  test("are listed page by page, counted and deleted", async () => {
    await upsert(
      "t1",
      ["p1", "p2", "q1"].map((id) => ({ id, values: [1, 0] })),
    );
    const page = async (token?: string): Promise<{ ids: unknown[]; next: string | undefined }> => {
      const answer = await call("List", (writer) => {
        writer.text(1, "p");
        writer.uint(2, 1);
        if (token !== undefined) writer.text(3, token);
        writer.text(4, "t1");
      });
      const { 1: items = [], 2: next } = fieldsOf(answer.message, { 3: "text" });
      return {
        ids: items.flatMap((item) => fieldsOf(item as ProtoReader, { 1: "text" })[1] ?? []),
        next: next && String(fieldsOf(next[0] as ProtoReader, { 1: "text" })[1]?.[0]),
      };
    };
    const first = await page();
    expect(first.ids).toEqual(["p1"]);
    expect(await page(first.next)).toEqual({ ids: ["p2"], next: undefined });
    const stats = async (): Promise<unknown> => {
      const answer = await call("DescribeIndexStats", () => undefined);
      const { 1: namespaces = [], ...rest } = fieldsOf(answer.message, {
        ...{ 2: "uint", 3: "float", 4: "uint", 5: "text", 6: "text" },
      } as const);
      return [namespaces.map((entry) => fieldsOf(entry as ProtoReader, { 1: "text" })[1]), rest];
    };
    expect(await stats()).toEqual([[["t1"]], { 2: [2], 4: [3], 5: ["dotproduct"], 6: ["dense"] }]);
    const deleted = await call("Delete", (writer) => {
      writer.bool(2, true);
      writer.text(3, "t1");
    });
    expect(deleted).toMatchObject({ status: 0, message: Buffer.alloc(0) });
    expect(await stats()).toEqual([[], { 2: [2], 5: ["dotproduct"], 6: ["dense"] }]);
  });
});

describe("updates and namespaces over gRPC", () => {
  test("a record is updated by its id, and records by a filter", async () => {
    await upsert("t1", [A, B]);
    const byId = await call("Update", (writer) => {
      writer.text(1, "a");
      writer.floats(2, Float32Array.of(0, 1));
      writeStruct(writer, 3, { genre: "noir" });
      writer.text(4, "t1");
    });
    expect(byId).toMatchObject({ status: 0, message: Buffer.alloc(0) });
    const fetched = await bench.send("GET /ix/docs/vectors/fetch?ids=a&namespace=t1");
    expect(fetched.json).toMatchObject({
      vectors: { a: { values: [0, 1], metadata: { genre: "noir", year: 2020 } } },
    });
    const byFilter = async (isDry: boolean): Promise<unknown> => {
      const answer = await call("Update", (writer) => {
        writeStruct(writer, 3, { seen: true });
        writer.text(4, "t1");
        writeStruct(writer, 6, { year: 2020 });
        writer.bool(7, isDry);
      });
      expect(answer.status, answer.text).toBe(0);
      return fieldsOf(answer.message, { 1: "uint" })[1];
    };
    const found = async (): Promise<unknown> => {
      const answer = await call("FetchByMetadata", (writer) => {
        writer.text(1, "t1");
        writeStruct(writer, 2, { seen: true });
        writer.uint(3, 10);
      });
      const { 1: entries = [] } = fieldsOf(answer.message, { 2: "text" });
      return entries.map((entry) => fieldsOf(entry as ProtoReader, { 1: "text" })[1]);
    };
    expect(await byFilter(true)).toEqual([1]);
    expect(await found()).toEqual([]);
    expect(await byFilter(false)).toEqual([1]);
    expect(await found()).toEqual([["a"]]);
  });

  test("namespaces are made, described, listed page by page and deleted", async () => {
    const named =
      (name: string): Fill =>
      (writer) => {
        writer.text(1, name);
      };
    const schema =
      (isFilterable: boolean): Fill =>
      (writer) => {
        writer.text(1, "n3");
        writer.message(2, () => {
          writer.message(1, () => {
            writer.text(1, "genre");
            writer.message(2, () => {
              writer.bool(1, isFilterable);
            });
          });
        });
      };
    await upsert("n1", [A, B]);
    for (const fill of [named("n2"), schema(true)]) {
      expect((await call("CreateNamespace", fill)).status).toBe(0);
    }
    expect((await call("CreateNamespace", named("n2"))).status).toBe(6);
    expect((await call("CreateNamespace", schema(false))).status).toBe(3);
    const described = await call("DescribeNamespace", named("n1"));
    expect(fieldsOf(described.message, { 1: "text", 2: "uint" })).toEqual({ 1: ["n1"], 2: [2] });
    const page = async (token?: string) => {
      const answer = await call("ListNamespaces", (writer) => {
        if (token !== undefined) writer.text(1, token);
        writer.uint(2, 2);
        writer.text(3, "n");
      });
      const { 1: list = [], 2: next, 3: total } = fieldsOf(answer.message, { 3: "uint" });
      return {
        names: list.flatMap(
          (item) => fieldsOf(item as ProtoReader, { 1: "text", 2: "uint" })[1] ?? [],
        ),
        next: next && String(fieldsOf(next[0] as ProtoReader, { 1: "text" })[1]?.[0]),
        total,
      };
    };
    const first = await page();
    expect(first).toMatchObject({ names: ["n1", "n2"], total: [3] });
    expect(await page(first.next)).toEqual({ names: ["n3"], next: undefined, total: [3] });
    expect((await call("DeleteNamespace", named("n1"))).status).toBe(0);
    expect((await call("DescribeNamespace", named("n1"))).status).toBe(5);
  });
});

function readSparse(reader: ProtoReader): TestVector["sparse"] {
  const indices: number[] = [];
  const floats = new FloatArena(8);
  while (reader.next()) {
    if (reader.field === 1) reader.uints(indices);
    else reader.floats(floats);
  }
  return { indices, values: [...floats.since(0)] };
}

function readMatch(reader: ProtoReader) {
  const values = new FloatArena(8);
  const match: Record<string, unknown> = {};
  while (reader.next()) {
    if (reader.field === 1) match["id"] = reader.text();
    else if (reader.field === 2) match["score"] = reader.float();
    else if (reader.field === 3) reader.floats(values);
    else if (reader.field === 4) {
      match["metadata"] = JSON.parse(JSON.stringify(readStruct(reader.message())));
    } else reader.skip();
  }
  if (values.count > 0) match["values"] = [...values.since(0)];
  return match;
}

describe("a refusal over gRPC", () => {
  test("has the vendor's number and a text", async () => {
    expect(await upsert("", [{ id: "a", values: [1, 2, 3] }])).toMatchObject({
      ...{ status: 3, text: "Vector dimension 3 does not match the dimension of the index 2" },
    });
    expect(await upsert("", [])).toMatchObject({ status: 3 });
    expect(
      (
        await call("Delete", (writer) => {
          writer.text(1, "a");
          writer.text(3, "none");
        })
      ).status,
    ).toBe(5);
    expect(await call("Nothing", () => undefined)).toMatchObject({ status: 12 });
    expect(await call("__proto__", () => undefined)).toMatchObject({ status: 12 });
    expect(await bench.grpc("/Other/Upsert", Buffer.alloc(0))).toMatchObject({ status: 12 });
    for (const headers of [{ "api-key": "wrong" }, { "api-key": "" }]) {
      expect(await call("Upsert", () => undefined, headers)).toMatchObject({
        ...{ status: 16, text: "Invalid API key." },
      });
    }
  });

  test("comes for bytes that are no message, with the place", async () => {
    const answer = await bench.grpc("/VectorService/Upsert", Buffer.from([0x0a, 0x05, 1]));
    expect(answer.status).toBe(3);
    expect(answer.text).toMatch(/position 2/);
  });

  test("comes for more vectors, ids or bytes than there may be", async () => {
    const { upsertVectorsMax, idsMax, callBodyBytesMax, upsertBodyBytesMax } = PINECONE_LIMITS;
    const vector = (i: number): TestVector => ({ id: String(i), values: [1, 0] });
    const some = Array.from({ length: upsertVectorsMax + 1 }, (_, i) => vector(i));
    expect((await upsert("", some.slice(1))).status).toBe(0);
    expect(await upsert("", some)).toMatchObject({ status: 3 });
    const ids =
      (count: number): Fill =>
      (writer) => {
        for (let i = 0; i < count; i++) writer.text(1, `id ${String(i)}`);
      };
    expect((await call("Fetch", ids(idsMax))).status).toBe(0);
    expect((await call("Fetch", ids(idsMax + 1))).status).toBe(3);
    const filler =
      (size: number): Fill =>
      (writer) => {
        writer.text(99, "x".repeat(size));
      };
    expect((await call("Fetch", filler(callBodyBytesMax))).text).toMatch(/at most/);
    expect((await call("Upsert", filler(upsertBodyBytesMax))).text).toMatch(/at most/);
  });

  test("comes when the client's deadline passes", async () => {
    const over = AbortSignal.abort(new InsulaError("deadline_exceeded", "Too late."));
    expect(await bench.grpc("/VectorService/Query", Buffer.alloc(0), {}, over)).toMatchObject({
      ...{ status: 4, text: "Too late." },
    });
  });

  test.each([
    ["Upsert", "upsert"],
    ["Update", "update"],
    ["Delete", "delete"],
  ] as const)("is not told of an %s that the engine has taken", async (method, engineCall) => {
    const stop = new AbortController();
    const own = bench.engine[engineCall].bind(bench.engine) as (
      ...given: unknown[]
    ) => Promise<never>;
    expect((await upsert("", [A])).status).toBe(0);
    const signals: unknown[] = [];
    bench.engine[engineCall] = async (place, ...rest: unknown[]) => {
      signals.push(place.signal);
      stop.abort(new InsulaError("deadline_exceeded", "Too late."));
      await new Promise(setImmediate);
      return own(
        { database: place.database, collection: place.collection, tenant: "__default__" },
        ...rest,
      );
    };
    const writer = new ProtoWriter();
    if (method === "Upsert") {
      writer.message(1, () => {
        writer.text(1, "b");
        writer.floats(2, Float32Array.of(1, 0));
      });
    } else writer.text(1, "a");
    if (method === "Update") writer.floats(2, Float32Array.of(1, 0));
    const path = `/VectorService/${method}`;
    expect((await bench.grpc(path, writer.written, {}, stop.signal)).status).toBe(0);
    expect(signals).toEqual([stop.signal]);
  });
});

describe("the index of a call", () => {
  const stats = (headers: Record<string, string> = {}) =>
    call("DescribeIndexStats", () => undefined, headers);
  const dimension = async (headers: Record<string, string>): Promise<unknown> => {
    const answer = await stats(headers);
    expect(answer.status, answer.text).toBe(0);
    return fieldsOf(answer.message, { ...{ 2: "uint", 5: "text", 6: "text" } } as const)[2]?.[0];
  };

  test("is the one of the host, else that of the hint, else the only one", async () => {
    expect(await dimension({})).toBe(2);
    await bench.withIndex("other", { dimension: 3 });
    const host = `other-${projectLabel("pinecone")}.svc.localhost:5080`;
    expect(await dimension({ host })).toBe(3);
    expect(await dimension({ host, "service-name": "docs" })).toBe(3);
    expect(await dimension({ "service-name": "docs" })).toBe(2);
    expect(await stats()).toMatchObject({ status: 3 });
    expect((await stats()).text).toMatch(/several/);
    expect((await stats({ "service-name": "" })).status).toBe(3);
    expect(await stats({ "service-name": "nothing" })).toMatchObject({ status: 5 });
    const stranger = `other-0000000.svc.localhost:5080`;
    expect(await stats({ host: stranger })).toMatchObject({ status: 5 });
  });

  test("is the only one the key may see, and none is none", async () => {
    await bench.withIndex("other", { dimension: 3 });
    const key = await bench.keyWith({
      ...{
        databases: ["pinecone"],
        collections: ["other"],
        actions: ["records:*", "admin:GetTenant"],
      },
    });
    expect(await dimension({ "api-key": key })).toBe(3);
    for (const name of ["docs", "other"]) await bench.send(`DELETE /indexes/${name}`);
    expect(await stats()).toMatchObject({ status: 5 });
  });
});

test("health is told without a key, and gRPC is not spoken over HTTP/1.1", async () => {
  const healthy = await bench.grpc("/grpc.health.v1.Health/Check", Buffer.alloc(0), {
    "api-key": "",
  });
  expect(healthy).toMatchObject({ status: 0, message: Buffer.from([8, 1]) });
  const answer = await bench.send("POST /VectorService/Upsert", { apiKey: ADMIN_KEY });
  expect(answer.status).toBe(404);
});
