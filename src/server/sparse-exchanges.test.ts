/**
 * Exchanges about sparse vectors as they stand on the wire, over a real engine in memory: request,
 * status and the exact bytes of the answer.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Principal } from "../access/index.ts";
import { createNativeDialect } from "../dialects/native/index.ts";
import type { DialectContext } from "../dialects/index.ts";
import { openEngine, type Engine } from "../engine/index.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { wholeBody, type HttpRequest } from "../wire/index.ts";
import { parseVectorBodyPlainly } from "../../test/support/vector-body.ts";

const ADMIN: Principal = { kind: "admin", keyId: "A", accountId: "1", grants: [] };
/** What follows the hits: two records, both in memory, are compared. */
function tail(path: string): string {
  return (
    '"activation":{"state":"ACTIVE","wasAsleep":false,"wakeMs":0},' +
    `"plan":{"rowsScanned":2,"rowsRescored":0,"segmentCount":0,"path":"${path}","workUnits":1}`
  );
}

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({
    files: new MemoryFileSystem(),
    clock: new ManualClock(),
    random: new SeededRandom(1),
    workerCount: 0,
  });
  await engine.createDatabase("shop");
});
afterAll(() => engine.close());

async function send(line: string, text: string): Promise<{ status: number; text: string }> {
  const [method = "", target = ""] = line.split(" ");
  const context = {
    engine,
    access: { findToken: () => Promise.resolve(ADMIN), authorize: () => undefined },
    clock: new ManualClock(),
    parseVectorBody: parseVectorBodyPlainly,
    endPhase: () => 0,
    observe: () => undefined,
  } as unknown as DialectContext;
  const request: HttpRequest = {
    id: "0123456789ABCDEF01234567",
    method,
    target,
    scheme: "http",
    host: "127.0.0.1",
    path: `/insula/v1/databases/shop/collections${target}`,
    query: "",
    headers: { authorization: "Bearer x" },
    remoteAddress: "127.0.0.1",
    readBody: () => Promise.resolve(Buffer.from(text)),
    signal: new AbortController().signal,
  };
  const answer = await createNativeDialect(context).handle(request);
  return { status: answer.status, text: wholeBody(answer).toString() };
}

const UPSERT = "POST /pages/records/upsert";
const SEARCH = "POST /pages/records/search";

/** In this order, each on what those before it left. */
const GOOD: readonly (readonly [string, string, string])[] = [
  [
    UPSERT,
    '{"records":[{"key":"a","vector":[1,0],"sparse":[{"field":"terms","indices":[9,4294967295,4],' +
      '"values":[1,0.1,2]}]},{"key":"b","vector":[3,0]}]}',
    '{"rowsAdded":2,"rowsReplaced":0}',
  ],
  [
    "POST /pages/records/get",
    '{"keys":["a","b"],"include":{"vectors":true}}',
    '{"records":[{"key":"a","vector":[1,0],"sparse":[{"field":"terms","indices":[4,9,4294967295],' +
      '"values":[2,1,0.1]}]},{"key":"b","vector":[3,0]}]}',
  ],
  [
    SEARCH,
    '{"sparse":{"field":"terms","indices":[4],"values":[0.5]}}',
    `{"hits":[{"key":"a","distance":-1}],${tail("sparse")}}`,
  ],
  [
    SEARCH,
    '{"vector":[1,0],"sparse":{"field":"terms","indices":[4],"values":[0.5]}}',
    `{"hits":[{"key":"b","distance":-3},{"key":"a","distance":-2}],${tail("exact")}}`,
  ],
  [
    SEARCH,
    '{"vector":[1,0],"sparse":{"field":"terms","indices":[9,4],"values":[0,0.5]},' +
      '"weights":{"dense":0.25,"sparse":4},"topK":1,"include":{"vectors":true}}',
    `{"hits":[{"key":"a","vector":[1,0],"sparse":[{"field":"terms","indices":[4,9,4294967295],` +
      `"values":[2,1,0.1]}],"distance":-4.25}],${tail("exact")}}`,
  ],
];

it("sparse vectors are written, returned and searched, in these bytes", async () => {
  const made = await send(
    "POST ",
    '{"name":"pages","dimension":2,"metric":"dot","sparseVectors":[{"name":"terms"}]}',
  );
  expect(made.status).toBe(201);
  expect(JSON.parse(made.text)).toMatchObject({
    schema: { sparseVectors: [{ name: "terms" }], vectors: [{ dimension: 2, metric: "dot" }] },
  });
  for (const [line, body, text] of GOOD)
    expect(await send(line, body)).toEqual({ status: 200, text });
});

const record = (sparse: string): string =>
  `{"records":[{"key":"c","vector":[1,0],"sparse":${sparse}}]}`;
const parts = (field: string, indices: string, values: string): string =>
  `{"field":${field},"indices":${indices},"values":${values}}`;

it.each([
  [UPSERT, record("{}"), "argument_invalid"],
  [UPSERT, record(`[${parts('"other"', "[1]", "[1]")}]`), "argument_invalid"],
  [UPSERT, record(`[${parts('"terms"', "[1]", "[1,2]")}]`), "argument_invalid"],
  [UPSERT, record(`[${parts('"terms"', "[-1]", "[1]")}]`), "argument_invalid"],
  [UPSERT, record(`[${parts('"terms"', "[0.5]", "[1]")}]`), "argument_invalid"],
  [UPSERT, record(`[${parts('"terms"', "[4294967296]", "[1]")}]`), "argument_invalid"],
  [UPSERT, record(`[${parts('"terms"', '["1"]', "[1]")}]`), "argument_invalid"],
  [UPSERT, record(`[${parts('"terms"', "[1,1]", "[1,2]")}]`), "vector_invalid"],
  [UPSERT, record(`[${parts('"terms"', "[1]", "[1e39]")}]`), "vector_invalid"],
  [SEARCH, "{}", "argument_invalid"],
  [SEARCH, `{"sparse":${parts('"other"', "[1]", "[1]")}}`, "argument_invalid"],
  [SEARCH, `{"sparse":${parts('"terms"', "[2,2]", "[1,1]")}}`, "vector_invalid"],
  [
    SEARCH,
    `{"sparse":${parts('"terms"', "[1]", "[1]")},"weights":{"dense":1,"sparse":1}}`,
    "argument_invalid",
  ],
  [
    SEARCH,
    `{"vector":[1,0],"sparse":${parts('"terms"', "[1]", "[1]")},"weights":{"dense":-1,"sparse":1}}`,
    "argument_invalid",
  ],
])("%s %s is refused", async (line, body, code) => {
  const { status, text } = await send(line, body);
  expect(JSON.parse(text)).toMatchObject({ status: 400, code });
  expect(status).toBe(400);
});
