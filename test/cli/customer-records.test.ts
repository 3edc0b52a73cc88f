/** A customer written down and read back by the command line: equal to the bit, or an error. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request as send, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, type Insula } from "../../src/client/index.ts";
import { CREDENTIALS, ServerChild } from "../support/server-child.ts";

const ENTRY = path.resolve(import.meta.dirname, "../../dist/cli/main.js");
/** More than two pages of an export have. */
const MAILS = 2_300;

let folder: string;
let server: ServerChild;
let insula: Insula;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-customer-"));
  server = await ServerChild.start({ dataDir: path.join(folder, "data"), port: 0 });
  insula = await connect({ url: server.url.href, secret: CREDENTIALS.secret });
  await insula.createDatabase("shop");
  const notes = await insula.createCollection("shop", "notes", {
    vectors: [
      { name: "title", dimension: 3, metric: "cosine" },
      { name: "body", dimension: 2, metric: "cosine" },
    ],
    sparseVectors: [{ name: "terms" }, { name: "more" }],
    tenancy: "multi",
  });
  await notes.tenant("ann").upsert(NOTES);
  const mails = await insula.createCollection("shop", "mails", { dimension: 8, tenancy: "multi" });
  for (let from = 0; from < MAILS; from += 500) {
    await mails.tenant("ann").upsert(
      Array.from({ length: Math.min(500, MAILS - from) }, (_, i) => ({
        key: `mail ${String(from + i)}`,
        vector: Float32Array.from({ length: 8 }, (__, n) => Math.sin((from + i) * 8 + n)),
        metadata: { number: from + i },
      })),
    );
  }
  await insula.createCollection("shop", "empty", { dimension: 2, tenancy: "multi" });
  await insula.collection("shop", "empty").createTenant("ann");
  await insula.createCollection("shop", "plain", { dimension: 2 });
});

afterAll(async () => {
  await insula.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The smallest and largest numbers, zero of both signs, what decimals cannot say. */
const NUMBERS = [
  1.401298464324817e-45,
  3.4028234663852886e38,
  -0,
  0.1,
  -1.1754943508222875e-38,
  1 / 3,
];
const NOTES = [
  {
    key: "all kinds",
    vectors: { title: NUMBERS.slice(0, 3), body: NUMBERS.slice(3, 5) },
    sparse: {
      terms: { indices: [0, 4_294_967_295], values: [1.401298464324817e-45, -2.5] },
      more: { indices: [7], values: [1 / 3] },
    },
    metadata: {
      text: 'ключ \u2028 "quoted" \\ \u0000 😀',
      flag: true,
      nothing: null,
      small: 9_007_199_254_740_991,
      large: 18_446_744_073_709_551_615n,
      negative: -9_223_372_036_854_775_808n,
      // A double that looks like an integer.
      double: 2 ** 60,
      huge: 1e300,
      tiny: 5e-324,
      date: new Date(-1),
      bytes: Uint8Array.of(0, 255, 10, 13),
      list: [1, "two", [3, { four: 4n }], null],
      object: { deep: { $date: "no date" }, $number: "1" },
      tagged: { $int: "7" },
      number: { $number: "7" },
      __proto__x: 1,
      collection: "not the collection",
    },
  },
  { key: '{"collection":"mails"}', vectors: { title: [1, 2, 3], body: [4, 5] } },
  { key: "empty", vectors: { title: [1, 0, 0], body: [0, 1] }, metadata: {} },
  {
    key: "sparse in one",
    vectors: { title: [0, 0, 1], body: [1, 1] },
    sparse: { more: { indices: [1, 2, 3], values: [1, 2, 3] } },
  },
];

interface Ended {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

function run(args: readonly string[], url: string = server.url.href): Promise<Ended> {
  const child = spawn(process.execPath, [ENTRY, "--url", url, ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"], INSULA_ADMIN_SECRET: CREDENTIALS.secret },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (ended.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (ended.err += text));
  return new Promise((resolve) => {
    child.on("close", (exitCode) => {
      resolve({ exitCode, ...ended });
    });
  });
}

async function runWell<Result>(...args: string[]): Promise<Result> {
  const { exitCode, out, err } = await run(["--json", ...args]);
  expect(exitCode, err + out).toBe(0);
  return JSON.parse(out) as Result;
}

/** Every bit of what a customer has, as text that a failure shows. */
async function contentOf(database: string, name: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { collection, record } of insula
    .customer(database, name)
    .scan({ vectors: true, pageSize: 1_000 })) {
    const { key, vector, vectors, sparse, metadata } = record;
    const bits = (values: Float32Array | Uint32Array): string =>
      Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex");
    lines.push(
      [
        ...[collection, key, vector === undefined ? "" : bits(vector)],
        ...Array.from(vectors ?? [], ([field, values]) => `${field} ${bits(values)}`).toSorted(),
        ...Array.from(
          sparse ?? [],
          ([field, { indices, values }]) => `${field} ${bits(indices)} ${bits(values)}`,
        ).toSorted(),
        metadata === undefined ? "none" : typed(metadata),
      ].join(" | "),
    );
  }
  return lines;
}

/** With the types: a bigint is no number. */
function typed(value: unknown): string {
  if (value instanceof Date) return `date ${String(value.getTime())}`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map(typed).join()}]`;
  if (typeof value !== "object" || value === null)
    return `${typeof value} ${JSON.stringify(String(value))}`;
  return `{${Object.entries(value)
    .map(([name, each]) => `${JSON.stringify(name)}:${typed(each)}`)
    .toSorted()
    .join()}}`;
}

async function exportOverHttp(): Promise<string> {
  const url = new URL("/insula/v1/databases/shop/customers/ann/export", server.url);
  const answer = await fetch(url, { headers: { authorization: `Bearer ${CREDENTIALS.secret}` } });
  expect(answer.status).toBe(200);
  return answer.text();
}

function written(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

interface Exported {
  readonly records: number;
  readonly files: readonly {
    collection: string;
    file: string;
    records: number;
    contentHash: string;
  }[];
}
interface Imported {
  readonly records: number;
  readonly passedOver?: number;
}

describe("What `insula customer export` writes", () => {
  test("is read back by `insula import`, file by file, equal to the bit", async () => {
    const { records, files } = await runWell<Exported>(
      "customer",
      "export",
      "shop",
      "ann",
      "files",
    );
    expect(records).toBe(MAILS + NOTES.length);
    expect(files.map((each) => [each.collection, each.records])).toEqual([
      ["empty", 0],
      ["mails", MAILS],
      ["notes", NOTES.length],
    ]);
    for (const { collection, file, contentHash } of files.slice(1)) {
      const place = ["--database", "shop", "--collection", collection, "--tenant", "bob"];
      await runWell("import", file, ...place);
      const hashed = await runWell<{ contentHash: string }>("export", "--hash-only", ...place);
      expect(hashed.contentHash).toBe(contentHash);
    }
    expect(await contentOf("shop", "bob")).toEqual(await contentOf("shop", "ann"));
  });

  test("is whole or an error: a server that is cut leaves no file that is not", async () => {
    for (const at of [200_000, 100]) {
      const cutting = await openCutting(at);
      const name = `cut-${String(at)}`;
      const ended = await run(["customer", "export", "shop", "ann", name], cutting.url);
      cutting.server.close();
      expect(ended.exitCode).toBe(5);
      expect(ended.err).toMatch(/Cannot (reach the server|read the answer)/);
      expect(readdirSync(path.join(folder, name))).toEqual([]);
      expect(cutting.paths.filter((each) => each.endsWith("/records/list"))).toEqual([]);
    }
  });
});

/** A way to the server that breaks after so many bytes of an export. */
async function openCutting(
  bytesMax: number,
): Promise<{ readonly url: string; readonly server: Server; readonly paths: string[] }> {
  const paths: string[] = [];
  const proxy = createServer((question, answer) => {
    paths.push(question.url ?? "");
    const { method, headers, url } = question;
    const onward = send(new URL(url ?? "/", server.url), { method, headers }, (found) => {
      answer.writeHead(found.statusCode ?? 500, found.headers);
      let left = url?.endsWith("/export") === true ? bytesMax : Infinity;
      found.on("data", (piece: Buffer) => {
        answer.write(piece.subarray(0, left));
        left -= piece.length;
        if (left <= 0) setImmediate(() => answer.destroy());
      });
      found.on("end", () => answer.end());
    });
    question.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  return { url: `http://127.0.0.1:${String(port)}`, server: proxy, paths };
}

describe("What the export over HTTP answers", () => {
  test("is read back by `insula import --customer` into collections that are made, equal to the bit", async () => {
    const file = written("export.jsonl", await exportOverHttp());
    const result = await runWell<Imported>(
      "import",
      file,
      "--database",
      "copy",
      "--customer",
      "eve",
      "--create",
    );
    expect(result).toMatchObject({ records: MAILS + NOTES.length });
    expect(await contentOf("copy", "eve")).toEqual(await contentOf("shop", "ann"));
  });

  test("as another program lays it out, too", async () => {
    const lines = (await exportOverHttp()).trimEnd().split("\n").slice(-NOTES.length);
    // Numbers stay as they are: only what is between the members changes.
    const text = lines
      .map((line) => line.replace(/^\{"collection":/u, '{ "collection" : '))
      .join("\n");
    const file = written("laid-out.jsonl", `\n${text}`);
    await runWell("import", file, "--database", "shop", "--customer", "finn");
    const notes = (await contentOf("shop", "ann")).filter((line) => line.startsWith("notes"));
    expect(await contentOf("shop", "finn")).toEqual(notes);
  });

  test("is read by `insula import --collection` as far as it is of that collection", async () => {
    const file = written("one.jsonl", await exportOverHttp());
    const place = ["--database", "shop", "--collection", "notes", "--tenant", "carl"];
    expect(await runWell<Imported>("import", file, ...place)).toMatchObject({
      records: NOTES.length,
      passedOver: MAILS,
    });
    const notes = (await contentOf("shop", "ann")).filter((line) => line.startsWith("notes"));
    expect(await contentOf("shop", "carl")).toEqual(notes);
  });

  test.each([
    [
      "nobody says where to",
      ["--create"],
      /it names its collection, "mails"; --collection .* --customer/,
    ],
    ["both ways are said", ["--customer", "x", "--collection", "mails"], /not both/],
    ["a tenant is said beside", ["--customer", "x", "--tenant", "y"], /not both/],
    [
      "the collection is to be the key, too",
      ["--customer", "x", "--key-field", "collection"],
      /says where a record goes/,
    ],
    [
      "all is of other collections",
      ["--collection", "notes", "--tenant", "x"],
      /1 record passed over, all of other collections: "mails"\./,
    ],
    [
      "all is of other collections than the one to be made",
      ["--collection", "new", "--create", "--ignore-unknown"],
      /all of other collections: "mails"\./,
    ],
    [
      "the collection is not there",
      ["--database", "nowhere", "--customer", "x"],
      /no collection mails/,
    ],
  ])("is refused when %s", async (_, options, reason) => {
    const file = written("refused.jsonl", (await exportOverHttp()).split("\n", 1).join("") + "\n");
    const { exitCode, err } = await run([
      "import",
      file,
      "--database",
      "shop",
      "--no-checkpoint",
      ...options,
    ]);
    expect(exitCode).not.toBe(0);
    expect(err).toMatch(reason);
  });

  const LINE = '{"collection":"mails","key":"first","vector":[1,2,3,4,5,6,7,8]}\n';
  test.each([
    ["a collection without tenants", LINE.replace("mails", "plain"), /plain has no tenants/],
    [
      "a line that is no record",
      '{"problem":{"code":"customer_suspended"}}\n',
      /line 2: the export/,
    ],
    [
      "a line of another tenant",
      LINE.replace('"key"', '"tenant":"bob","key"'),
      /line 2: it is of tenant "bob"/,
    ],
  ])("is refused at %s, and what came before is written", async (name, line, reason) => {
    const customer = `before ${name}`;
    const file = written("wrong.jsonl", LINE + line);
    const args = ["import", file, "--database", "shop", "--no-checkpoint", "--customer", customer];
    const { exitCode, err } = await run(args);
    expect(exitCode, err).not.toBe(0);
    expect(err).toMatch(reason);
    const keys = (await contentOf("shop", customer)).map((each) => each.split(" | ")[1]);
    expect(keys).toEqual(["first"]);
  });

  test("is no export to --ignore-unknown where lines have other members", async () => {
    const line = '{"collection":"shoes","id":7,"vector":[1,2],"price":9}\n';
    const file = written("shoes.jsonl", line);
    const place = ["--database", "shop", "--create", "--collection"];
    const lax = ["import", file, ...place, "products", "--ignore-unknown"];
    expect(await runWell<Imported>(...lax)).toMatchObject({ records: 1 });
    const keyed = ["import", written("keyed.jsonl", '{"collection":"a","vector":[1,2]}\n')];
    const options = ["--key-field", "collection"];
    const result = await runWell<Imported>(...keyed, ...place, "products", ...options);
    expect(result).toMatchObject({ records: 1 });
    expect(result).not.toHaveProperty("passedOver");
  });

  test("takes a file that has the collection behind one that has it not", async () => {
    const files = ["mails", "pages"].map((name) =>
      written(`only-${name}.jsonl`, `{"collection":"${name}","key":"a","vector":[1,2]}\n`),
    );
    const place = ["--database", "shop", "--create", "--collection", "pages"];
    expect(await runWell<Imported>("import", ...files, ...place)).toMatchObject({
      ...{ records: 1, passedOver: 1 },
    });
  });

  test("goes on where it stopped, unless what was written is gone", async () => {
    const text = await exportOverHttp();
    const file = written("twice.jsonl", text);
    const args = [
      "import",
      file,
      "--database",
      "shop",
      "--customer",
      "gina",
      "--batch-size",
      "100",
    ];
    writeFileSync(file, `${text}{"collection":"mails"`);
    expect((await run(args)).err).toMatch(/it is no JSON/);
    expect(readFileSync(`${file}.insula-import`, "utf8")).toContain('"records":2304');
    expect(await contentOf("shop", "gina")).toEqual(await contentOf("shop", "ann"));
    await insula.customer("shop", "gina").erase();
    const { exitCode, err } = await run(args);
    expect([exitCode, err]).toEqual([4, expect.stringMatching(/ mails, or .* --restart/s)]);
  });
});
