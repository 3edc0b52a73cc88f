/**
 * Keys that are bound to one namespace, to namespaces by a prefix, or to one index: every operation
 * of Pinecone's protocol, by HTTP and by gRPC, on what is their own, on another's, on what is not
 * there, on all, on the whole index and on another index.
 *
 * What is refused is refused alike whether it is there or not, says nothing of others' data and
 * changes none. Backups and restores, which have no namespaces: pinecone-backup-access.test.ts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProtoReader, writeStruct, type ProtoWriter } from "../../src/wire/index.ts";
import { PineconeCaller, type PineconeReply } from "../support/pinecone-caller.ts";
import { ServerChild } from "../support/server-child.ts";

const SOURCES = ["--import", "tsx", path.resolve("src/cli/main.ts")];
const DATABASE = "house";
/** Stands in all data of all namespaces, with the name of each. */
const CANARY = "canary-of-";
const NAMESPACES = ["", "t1", "t2", "team-a", "team-b"];
const dataDir = mkdtempSync(path.join(tmpdir(), "insula-pinecone-access-"));
let server: ServerChild;
let admin: PineconeCaller;

beforeAll(async () => {
  server = await ServerChild.start({ dataDir, port: 0, program: SOURCES });
  admin = await keyWith({ actions: ["*"], databases: [DATABASE] });
  const embed = { model: "insula-lexical-1", field_map: { text: "word" }, dimension: 2 };
  const place = { cloud: "aws", region: "eu-west-1" };
  for (const name of ["rooms", "other"]) {
    const made = await admin.http("POST /indexes/create-for-model", { name, ...place, embed });
    expect(made.status, made.text).toBe(201);
    for (const namespace of NAMESPACES) await fill(name, namespace);
  }
});
afterAll(async () => {
  admin.close();
  await server.stop();
  rmSync(dataDir, { recursive: true });
});

const keyWith = (grant: object): Promise<PineconeCaller> =>
  PineconeCaller.withGrant(server.url, grant);

async function fill(index: string, namespace: string): Promise<void> {
  const metadata = { word: `${CANARY}${namespace}` };
  const vectors = [{ id: "known", values: [1, 0], metadata }];
  const written = await admin.http(`POST /ix/${index}/vectors/upsert`, { namespace, vectors });
  expect(written.status, written.text).toBe(200);
}

type Right = "read" | "write" | "admin";

/** One operation by both ways; `namespace` is in the place where it has one. */
interface Operation {
  readonly name: string;
  readonly http: (namespace: string) => readonly [line: string, body?: object];
  /** Absent: clients send it over HTTP alone. */
  readonly grpc?: (writer: ProtoWriter, namespace: string) => void;
  /** Classes of rights that a key must have, each of them. */
  readonly by: readonly Right[];
}

const WORD = { word: { $exists: true } };
const encoded = (namespace: string): string => encodeURIComponent(namespace || "__default__");

const OPERATIONS: readonly Operation[] = [
  {
    ...{ name: "Upsert", by: ["write"] },
    http: (namespace) => [
      "POST /vectors/upsert",
      { namespace, vectors: [{ id: "new", values: [0, 1] }] },
    ],
    grpc: (writer, namespace) => {
      writer.message(1, () => {
        writer.text(1, "new");
        writer.floats(2, Float32Array.of(0, 1));
      });
      writer.text(2, namespace);
    },
  },
  {
    ...{ name: "Query", by: ["read"] },
    http: (namespace) => [
      "POST /query",
      { namespace, vector: [1, 0], topK: 9, includeMetadata: true, includeValues: true },
    ],
    grpc: (writer, namespace) => {
      writer.text(1, namespace);
      writer.uint(2, 9);
      writer.bool(5, true);
      // The vendor's older form, which names namespaces of its own: it is not looked at.
      writer.message(6, () => {
        writer.floats(1, Float32Array.of(1, 0));
        writer.text(3, "t2");
      });
      writer.floats(7, Float32Array.of(1, 0));
    },
  },
  {
    ...{ name: "Fetch", by: ["read"] },
    http: (namespace) => [
      `GET /vectors/fetch?ids=known&namespace=${encodeURIComponent(namespace)}`,
    ],
    grpc: (writer, namespace) => {
      writer.text(1, "known");
      writer.text(2, namespace);
    },
  },
  {
    ...{ name: "List", by: ["read"] },
    http: (namespace) => [`GET /vectors/list?namespace=${encodeURIComponent(namespace)}`],
    grpc: (writer, namespace) => {
      writer.text(4, namespace);
    },
  },
  {
    ...{ name: "FetchByMetadata", by: ["read"] },
    http: (namespace) => ["POST /vectors/fetch_by_metadata", { namespace, filter: WORD }],
    grpc: (writer, namespace) => {
      writer.text(1, namespace);
      writeStruct(writer, 2, WORD);
    },
  },
  {
    ...{ name: "Update", by: ["write"] },
    http: (namespace) => [
      "POST /vectors/update",
      { namespace, id: "known", setMetadata: { seen: true } },
    ],
    grpc: (writer, namespace) => {
      writer.text(1, "known");
      writeStruct(writer, 3, { seen: true });
      writer.text(4, namespace);
    },
  },
  {
    ...{ name: "Update", by: ["write"] },
    http: (namespace) => [
      "POST /vectors/update",
      { namespace, filter: WORD, setMetadata: { seen: true } },
    ],
    grpc: (writer, namespace) => {
      writeStruct(writer, 3, { seen: true });
      writer.text(4, namespace);
      writeStruct(writer, 6, WORD);
    },
  },
  {
    ...{ name: "Update", by: ["write", "read"] },
    http: (namespace) => [
      "POST /vectors/update",
      { namespace, filter: WORD, setMetadata: { seen: true }, dryRun: true },
    ],
    grpc: (writer, namespace) => {
      writeStruct(writer, 3, { seen: true });
      writer.text(4, namespace);
      writeStruct(writer, 6, WORD);
      writer.bool(7, true);
    },
  },
  {
    // Changes nothing, and would tell how many there are.
    ...{ name: "Update", by: ["write", "read"] },
    http: (namespace) => ["POST /vectors/update", { namespace, filter: WORD, setMetadata: {} }],
    grpc: (writer, namespace) => {
      writeStruct(writer, 3, {});
      writer.text(4, namespace);
      writeStruct(writer, 6, WORD);
    },
  },
  {
    ...{ name: "UpsertRecords", by: ["write"] },
    http: (namespace) => [
      `POST /records/namespaces/${encoded(namespace)}/upsert`,
      { _id: "new", word: "of nobody" },
    ],
  },
  {
    ...{ name: "SearchRecords", by: ["read"] },
    http: (namespace) => [
      `POST /records/namespaces/${encoded(namespace)}/search`,
      { query: { inputs: { text: CANARY }, top_k: 9 } },
    ],
  },
  {
    ...{ name: "SearchRecords", by: ["read"] },
    http: (namespace) => [
      `POST /records/namespaces/${encoded(namespace)}/search`,
      {
        query: { id: "known", top_k: 9 },
        rerank: { model: "insula-similarity-1", rank_fields: ["word"], query: CANARY },
      },
    ],
  },
  {
    ...{ name: "DescribeNamespace", by: ["read"] },
    http: (namespace) => [`GET /namespaces/${encoded(namespace)}`],
    grpc: (writer, namespace) => {
      writer.text(1, namespace);
    },
  },
  {
    ...{ name: "Delete", by: ["write"] },
    http: (namespace) => ["POST /vectors/delete", { namespace, ids: ["new"] }],
    grpc: (writer, namespace) => {
      writer.text(1, "new");
      writer.text(3, namespace);
    },
  },
  {
    ...{ name: "Delete", by: ["write"] },
    http: (namespace) => ["POST /vectors/delete", { namespace, filter: { word: "none" } }],
    grpc: (writer, namespace) => {
      writer.text(3, namespace);
      writeStruct(writer, 4, { word: "none" });
    },
  },
  {
    ...{ name: "Delete", by: ["write"] },
    http: (namespace) => ["POST /vectors/delete", { namespace, deleteAll: true }],
    grpc: (writer, namespace) => {
      writer.bool(2, true);
      writer.text(3, namespace);
    },
  },
  {
    ...{ name: "CreateNamespace", by: ["admin"] },
    http: (namespace) => ["POST /namespaces", { name: namespace || "__default__" }],
    grpc: (writer, namespace) => {
      writer.text(1, namespace || "__default__");
    },
  },
  {
    ...{ name: "DeleteNamespace", by: ["admin"] },
    http: (namespace) => [`DELETE /namespaces/${encoded(namespace)}`],
    grpc: (writer, namespace) => {
      writer.text(1, namespace || "__default__");
    },
  },
];

interface Way {
  readonly way: "http" | "grpc";
  readonly operation: Operation;
  readonly title: string;
}

const WAYS: readonly Way[] = OPERATIONS.flatMap((operation, i) =>
  (operation.grpc === undefined ? (["http"] as const) : (["http", "grpc"] as const)).map((way) => ({
    ...{ way, operation },
    title: `${operation.name} (${String(i + 1)}) by ${way}`,
  })),
);
const REFUSED = { http: 403, grpc: 7 } as const;
/** As clients want it of each operation. */
const doneOf = ({ way, operation }: Way): number =>
  way === "grpc" ? 0 : operation.name === "UpsertRecords" ? 201 : 200;

function ask(
  caller: PineconeCaller,
  { way, operation }: Way,
  { index = "rooms", namespace }: { readonly index?: string; readonly namespace: string },
): Promise<PineconeReply> {
  if (way === "grpc") {
    return caller.grpc(operation.name, index, (writer) => operation.grpc?.(writer, namespace));
  }
  const [line, body] = operation.http(namespace);
  return caller.http(line.replace(" /", ` /ix/${index}/`), body as never);
}

/** Everything that is in an answer, as text. */
const allOf = ({ text, message }: PineconeReply): string => text + message.toString("latin1");

/** All records of all namespaces, as who may see everything sees them. */
async function everything(): Promise<string> {
  const found: string[] = [];
  for (const index of ["rooms", "other"]) {
    const stats = await admin.http(`POST /ix/${index}/describe_index_stats`, {});
    for (const namespace of NAMESPACES) {
      const body = { namespace, filter: WORD };
      const records = await admin.http(`POST /ix/${index}/vectors/fetch_by_metadata`, body);
      found.push(stats.text, records.text);
    }
  }
  return found.join("\n");
}

interface KeyOfTest {
  readonly key: string;
  readonly grant: object;
  readonly own: readonly string[];
  /** Namespaces that are another's and there, and as long a name of one that is not there. */
  readonly others: readonly (readonly [there: string, missing: string])[];
}

const AT = { actions: ["*"], databases: [DATABASE] };
const KEYS: readonly KeyOfTest[] = [
  {
    key: "bound to one namespace",
    grant: { ...AT, collections: ["rooms"], tenants: ["t1"] },
    own: ["t1"],
    others: [
      ["t2", "t3"],
      ["team-a", "team-z"],
      ["", ""],
      ["t1 ", "T1"],
    ],
  },
  {
    key: "bound to a prefix",
    grant: { ...AT, collections: ["rooms"], tenants: ["team-*"] },
    own: ["team-a", "team-b", "team-new"],
    others: [
      ["t1", "t3"],
      ["", ""],
      ["team", "xteam-a"],
    ],
  },
  {
    key: "bound to the default namespace",
    grant: { ...AT, collections: ["rooms"], tenants: ["__default__"] },
    own: [""],
    others: [
      ["t1", "t3"],
      ["team-a", "team-z"],
    ],
  },
];

describe.each(KEYS)("a key $key", ({ grant, own, others }) => {
  let caller: PineconeCaller;
  let before: string;
  beforeAll(async () => {
    caller = await keyWith(grant);
    before = await everything();
  });
  afterAll(async () => {
    caller.close();
    for (const namespace of NAMESPACES) await fill("rooms", namespace);
    await admin.http("DELETE /ix/rooms/namespaces/team-new");
  });

  it.each(WAYS)("is refused $title of others' namespaces, there or not", async (asked) => {
    for (const [there, missing] of others) {
      const answer = await ask(caller, asked, { namespace: there });
      expect(answer.status, answer.text).toBe(REFUSED[asked.way]);
      expect(allOf(answer)).not.toContain(CANARY);
      const absent = await ask(caller, asked, { namespace: missing });
      expect([absent.status, absent.text]).toEqual([answer.status, answer.text]);
    }
  });

  it.each(WAYS)("is refused $title of another index, there or not", async (asked) => {
    for (const namespace of own) {
      const answer = await ask(caller, asked, { index: "other", namespace });
      expect(answer.status, answer.text).toBe(REFUSED[asked.way]);
      expect(allOf(answer)).not.toContain(CANARY);
      const absent = await ask(caller, asked, { index: "orher", namespace });
      expect([absent.status, absent.text]).toEqual([answer.status, answer.text]);
    }
  });

  it("has changed nothing by all that it was refused", async () => {
    expect(await everything()).toBe(before);
  });

  it.each(WAYS)("may $title of its own", async (asked) => {
    for (const namespace of own) {
      // Namespaces are made anew for the calls that make and delete them.
      const path = `/ix/rooms/namespaces/${encoded(namespace)}`;
      if (asked.operation.name === "CreateNamespace") await admin.http(`DELETE ${path}`);
      else await fill("rooms", namespace);
      const answer = await ask(caller, asked, { namespace });
      expect(answer.status, answer.text).toBe(doneOf(asked));
      for (const other of NAMESPACES.filter((name) => name !== "" && !own.includes(name))) {
        expect(allOf(answer)).not.toContain(`${CANARY}${other}`);
      }
    }
  });

  it("is told of its own namespaces and their counts when it asks for all", async () => {
    for (const namespace of own) await fill("rooms", namespace);
    const listed = await caller.http("GET /ix/rooms/namespaces?limit=1");
    const { namespaces, total_count } = JSON.parse(listed.text) as {
      readonly namespaces: readonly { readonly name: string }[];
      readonly total_count: number;
    };
    expect([namespaces.length, total_count]).toEqual([1, own.length]);
    const stats = await caller.http("POST /ix/rooms/describe_index_stats", {});
    const shown = JSON.parse(stats.text) as {
      readonly namespaces: Readonly<Record<string, { readonly vectorCount: number }>>;
      readonly totalVectorCount: number;
    };
    expect(Object.keys(shown.namespaces).sort()).toEqual([...own].sort());
    const counts = Object.values(shown.namespaces).map(({ vectorCount }) => vectorCount);
    expect(shown.totalVectorCount).toBe(counts.reduce((sum, count) => sum + count, 0));
    for (const method of ["ListNamespaces", "DescribeIndexStats"]) {
      // Without any word of the index: it is the only one that the key knows of.
      const { status, message } = await caller.grpc(method, "", () => undefined);
      expect(status).toBe(0);
      const names = new Set<string>();
      const reader = new ProtoReader(message);
      while (reader.next()) {
        if (reader.field !== 1) {
          reader.skip();
          continue;
        }
        const entry = reader.message();
        let name = "";
        while (entry.next()) {
          if (entry.field === 1) name = entry.text();
          else entry.skip();
        }
        names.add(name === "__default__" ? "" : name);
      }
      expect([...names].sort()).toEqual([...own].sort());
    }
  });

  it("is told where its index is and of no other, and may not change it", async () => {
    const { indexes } = JSON.parse((await caller.http("GET /indexes")).text) as {
      readonly indexes: readonly { readonly name: string }[];
    };
    expect(indexes.map(({ name }) => name)).toEqual(["rooms"]);
    expect((await caller.http("GET /indexes/rooms")).status).toBe(200);
    const other = await caller.http("GET /indexes/other");
    expect(other.status).toBe(403);
    expect(await caller.http("GET /indexes/orher")).toEqual(other);
    const spec = { serverless: { cloud: "aws", region: "eu-west-1" } };
    const made = { name: "rooms-2", dimension: 2, spec };
    expect((await caller.http("POST /indexes", made)).status).toBe(403);
    for (const name of ["rooms", "other"]) {
      expect((await caller.http(`DELETE /indexes/${name}`)).status).toBe(403);
      const change = { deletion_protection: "enabled" };
      expect((await caller.http(`PATCH /indexes/${name}`, change)).status).toBe(403);
    }
    const all = (JSON.parse((await admin.http("GET /indexes")).text) as { indexes: object[] })
      .indexes;
    expect(all).toHaveLength(2);
  });

  it("is not led elsewhere by a namespace that is said twice or in another spelling", async () => {
    const [first = ""] = own;
    const [[other] = [""]] = others;
    const twice = `namespace=${encodeURIComponent(first)}&namespace=${other}`;
    const fetched = await caller.http(`GET /ix/rooms/vectors/fetch?ids=known&${twice}`);
    expect(fetched.text).not.toContain(`${CANARY}${other}"`);
    const body = `{"namespace":"${first}","namespace":"${other}","vector":[1,0],"topK":9}`;
    for (const text of [body, body.replace(/^\{("[^,]+),("[^,]+),/, "{$2,$1,")]) {
      const answer = await caller.http("POST /ix/rooms/query", text);
      expect([200, 403]).toContain(answer.status);
      expect(answer.text).not.toContain(`${CANARY}${other}"`);
    }
    for (const order of [
      [first, other],
      [other, first],
    ]) {
      const answer = await caller.grpc("Fetch", "rooms", (writer) => {
        writer.text(1, "known");
        for (const namespace of order) writer.text(2, namespace);
      });
      expect(allOf(answer)).not.toContain(`${CANARY}${other}`);
    }
    const escaped = other.replace(/./, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
    expect((await caller.http(`GET /ix/rooms/namespaces/${escaped}`)).status).toBe(403);
  });
});

const RIGHTS: readonly (readonly Right[])[] = [
  ["read"],
  ["write"],
  ["admin"],
  ["read", "write"],
  ["read", "admin"],
  ["write", "admin"],
];

describe.each(RIGHTS.map((actions) => ({ actions, rights: actions.join(" and ") })))(
  "a key with the right to $rights alone",
  ({ actions }) => {
    it.each(WAYS)("is let do $title when it needs no more, and else is not", async (asked) => {
      const bound = { ...AT, actions, collections: ["rooms"], tenants: ["t1"] };
      const caller = await keyWith(bound);
      await fill("rooms", "t1");
      if (asked.operation.name === "CreateNamespace")
        await admin.http("DELETE /ix/rooms/namespaces/t1");
      const answer = await ask(caller, asked, { namespace: "t1" });
      const isLet = asked.operation.by.every((right) => actions.includes(right));
      expect(answer.status, answer.text).toBe(isLet ? doneOf(asked) : REFUSED[asked.way]);
      caller.close();
    });
  },
);

describe("a key bound to an index", () => {
  it("reaches all its namespaces, and none of another index", async () => {
    const caller = await keyWith({ ...AT, collections: ["rooms"] });
    for (const namespace of NAMESPACES) {
      await fill("rooms", namespace);
      const asked = WAYS[2] as Way;
      const answer = await ask(caller, asked, { namespace });
      expect(answer.text).toContain(`${CANARY}${namespace}`);
      const other = await ask(caller, asked, { index: "other", namespace });
      expect(other.status).toBe(403);
    }
    caller.close();
  });
});
