/** The samples of the source texts, as they stand, in the order a reader would run them. */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expectEqual, type Report } from "./report.ts";
import {
  localize,
  readArchitectureSamples,
  readHttpSamples,
  seedFolder,
  type Sample,
} from "./seed-samples.ts";
import type { TestServer } from "./server-process.ts";
import { parseRaw, type RawAnswer, resign, send } from "./signed-request.ts";
import { clientEnvironment, EMBED, GO_FOLDER, hasGo, hasPython, PYTHON, run } from "./tools.ts";

const INDEXES = ["tenantcompanya", "tenantcompanyb", "tenantcompanyc"];
const CREATED = INDEXES.map((name) => `Index ${name} created, status_code=200`).join("\n");

export async function runSeedSuite(report: Report, server: TestServer): Promise<void> {
  const folder = seedFolder();
  if (folder === undefined) {
    report.skip("SEED_TEXTS is not set", "name the folder of the source texts with it");
    return;
  }
  const samples = readArchitectureSamples(folder);
  await report.check(
    "seed",
    "samples",
    "the text has 3 commands, 3 Python and 2 Go programs",
    () => {
      const counts = ["shell", "python", "go"].map(
        (kind) => samples.filter((sample) => sample.kind === kind).length,
      );
      expectEqual(counts, [3, 3, 2], "samples");
      return Promise.resolve();
    },
  );
  if (hasPython()) await runPythonSamples(report, server, samples);
  else report.skip("Python clients are not installed");
  if (hasGo()) await runGoSamples(report, server, samples);
  else report.skip("the Go client is not installed");
  await runHttpSamples(report, server, folder);
}

async function runPythonSamples(
  report: Report,
  server: TestServer,
  samples: readonly Sample[],
): Promise<void> {
  const bucket = "seed-python";
  await createBucket(server, bucket);
  const programs = samples.filter(({ kind }) => kind === "python");
  const [create, write, search] = programs;
  await report.check("Python SDK", "samples", "create multi-tenant indexes", async () => {
    expectEqual(await runPython(server, bucket, create), CREATED, "output");
  });
  await report.check("Python SDK", "samples", "write to tenant indexes", async () => {
    const expected =
      "Tenant A write complete, status_code=200\nTenant B write complete, status_code=200";
    expectEqual(await runPython(server, bucket, write), expected, "output");
  });
  await report.check("Python SDK", "samples", "search indexes concurrently and merge", async () => {
    checkMerged(await runPython(server, bucket, search));
  });
  await runCommandSamples(report, server, bucket, samples);
  await report.check(
    "raw HTTP",
    "samples",
    "deleting an index deletes its tenant and nobody else's data",
    async () => {
      expectEqual(
        (await call(server, bucket, "deleteVectorIndex", { indexName: INDEXES[0] })).status,
        204,
        "status",
      );
      expectEqual(
        (await call(server, bucket, "getVectors", { indexName: INDEXES[0], keys: ["doc_001"] }))
          .status,
        404,
        "status",
      );
      const rest = await call(server, bucket, "getVectors", {
        indexName: INDEXES[1],
        keys: ["doc_001", "manual_001"],
      });
      expectEqual(
        (JSON.parse(rest.text) as { vectors: unknown[] }).vectors.length,
        2,
        "records of the other tenant",
      );
    },
  );
}

async function runCommandSamples(
  report: Report,
  server: TestServer,
  bucket: string,
  samples: readonly Sample[],
): Promise<void> {
  const commands = samples.filter(({ kind }) => kind === "shell");
  for (const [i, sample] of commands.entries()) {
    await report.check("oss-vectors-embed", "samples", sample.title, async () => {
      const output = JSON.parse(await runCommand(server, bucket, sample)) as Record<
        string,
        unknown
      >;
      if (i < 2)
        expectEqual([output["key"], output["embeddingDimensions"]], ["doc_001", 1024], "output");
      else {
        const { results } = output as { results: { Key: string; metadata: { tenant: string } }[] };
        const tenants = new Set(results.map(({ metadata }) => metadata.tenant));
        expectEqual([...tenants], ["company_a"], "tenants found");
      }
    });
  }
  await report.check(
    "raw HTTP",
    "samples",
    "one key in two indexes holds two records",
    async () => {
      const found: unknown[] = [];
      for (const indexName of INDEXES.slice(0, 2)) {
        const answer = await call(server, bucket, "getVectors", {
          indexName,
          keys: ["doc_001"],
          returnMetadata: true,
        });
        const { vectors } = JSON.parse(answer.text) as {
          vectors: { metadata: { tenant: string } }[];
        };
        found.push(vectors.map(({ metadata }) => metadata.tenant));
      }
      expectEqual(found, [["company_a"], ["company_b"]], "tenants of doc_001");
    },
  );
}

async function runGoSamples(
  report: Report,
  server: TestServer,
  samples: readonly Sample[],
): Promise<void> {
  const bucket = "seed-go";
  await createBucket(server, bucket);
  const [create, search] = samples.filter(({ kind }) => kind === "go");
  await report.check("Go SDK", "samples", "create multi-tenant indexes", async () => {
    expectEqual(await runGo(server, bucket, create), CREATED, "output");
  });
  await report.check("Go SDK", "samples", "search indexes concurrently and merge", async () => {
    // The text has no Go program that writes: the records are those of its Python program.
    await put(server, bucket, "tenantcompanya", "faq_001", 0.1, {
      tenant: "company_a",
      category: "faq",
    });
    await put(server, bucket, "tenantcompanyb", "manual_001", 0.2, {
      tenant: "company_b",
      category: "manual",
    });
    checkMerged(await runGo(server, bucket, search));
  });
}

/**
 * The text prints 0.19999998807907104 for the second record. Vectors of all 0.1 and all 0.2 are
 * parallel: their cosine distance is 0, up to float32. Computed, not imitated.
 */
function checkMerged(output: string): void {
  const lines = output.split("\n").map((line) => line.trim());
  const counts = lines.filter((line) => line.startsWith("Index ")).sort();
  expectEqual(
    counts,
    [
      "Index tenantcompanya returned 1 results",
      "Index tenantcompanyb returned 1 results",
      "Index tenantcompanyc returned 0 results",
    ],
    "counts",
  );
  const hits = lines.flatMap((line) => {
    const match = /^key=(\S+), distance=([^,]+), metadata=(.*)$/.exec(line);
    return match === null ? [] : [{ key: match[1] ?? "", distance: Number(match[2]) }];
  });
  expectEqual(hits.map(({ key }) => key).sort(), ["faq_001", "manual_001"], "merged keys");
  let last = -1;
  for (const { key, distance } of hits) {
    if (!(Math.abs(distance) < 1e-6))
      throw new Error(`distance of ${key}: expected 0, received ${String(distance)}`);
    if (distance < last) throw new Error("the merged hits are not sorted by distance");
    last = distance;
  }
}

async function runPython(
  server: TestServer,
  bucket: string,
  sample: Sample | undefined,
): Promise<string> {
  return inFolder(async (folder) => {
    const file = path.join(folder, "sample.py");
    writeFileSync(file, prepare(server, bucket, sample));
    return succeed(await run(PYTHON, [file], { env: clientEnvironment(server) }));
  });
}

async function runGo(
  server: TestServer,
  bucket: string,
  sample: Sample | undefined,
): Promise<string> {
  // Inside the module, because Go finds its packages by the folder; removed whatever happens.
  const folder = mkdtempSync(path.join(GO_FOLDER, "sample-"));
  try {
    writeFileSync(path.join(folder, "main.go"), prepare(server, bucket, sample));
    const name = `./${path.basename(folder)}`;
    return succeed(
      await run("go", ["run", name], { env: clientEnvironment(server), cwd: GO_FOLDER }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runCommand(server: TestServer, bucket: string, sample: Sample): Promise<string> {
  return inFolder(async (folder) => {
    const file = path.join(folder, "sample.sh");
    writeFileSync(file, prepare(server, bucket, sample));
    const env = clientEnvironment(server);
    env["PATH"] = `${path.dirname(EMBED)}:${env["PATH"] ?? ""}`;
    return succeed(await run("sh", [file], { env }));
  });
}

function prepare(server: TestServer, bucket: string, sample: Sample | undefined): string {
  if (sample === undefined) throw new Error("the text has no such sample");
  return localize(sample, { accountId: server.accountId, bucket, url: server.url });
}

function succeed(ran: { code: number; stdout: string; stderr: string }): string {
  if (ran.code !== 0)
    throw new Error(`exit code ${String(ran.code)}: ${ran.stderr}\n${ran.stdout}`);
  return ran.stdout.trim();
}

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(path.join(tmpdir(), "insula-sample-"));
  try {
    mkdirSync(folder, { recursive: true });
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The raw requests contradict one another as printed: the index has 1,024 dimensions and does not
 * filter by `category`, the record and the query have 5 numbers, the query filters by `category`.
 * So they are run twice: as printed, where the service must refuse what contradicts, and then
 * against an index of the same name that fits, where all must succeed.
 */
async function runHttpSamples(report: Report, server: TestServer, folder: string): Promise<void> {
  const samples = readHttpSamples(folder);
  const replay = async (part: string): Promise<RawAnswer> => {
    const sample = samples.find(({ title }) => title.includes(part));
    if (sample === undefined) throw new Error(`the text has no request "${part}"`);
    return send(resign(parseRaw(sample.code), server, new Date()), server);
  };
  const expectStatus = (
    title: string,
    part: string,
    status: number,
    code?: string,
  ): Promise<void> =>
    report.check("raw HTTP", "samples", title, async () => {
      const answer = await replay(part);
      if (answer.status !== status)
        throw new Error(
          `expected ${String(status)}, received ${String(answer.status)}: ${answer.text}`,
        );
      if (code !== undefined)
        expectEqual(
          (JSON.parse(answer.text) as { Error: { Code: string } }).Error.Code,
          code,
          "code",
        );
    });
  await report.check("raw HTTP", "samples", "the text has 6 raw requests", () => {
    expectEqual(samples.length, 6, "raw requests");
    return Promise.resolve();
  });
  await expectStatus("create a bucket", "Create Vector Bucket", 200);
  await expectStatus("create an index", "Create Vector Index", 200);
  await expectStatus("index details", "Get Vector Index", 200);
  await expectStatus("list buckets", "List Vector Buckets", 200);
  await expectStatus(
    "write 5 numbers to 1,024 dimensions: refused",
    "Write Vectors",
    400,
    "VectorIndexParameterInvalid",
  );
  await expectStatus(
    "search 1,024 dimensions with 5 numbers: refused",
    "Similarity Search",
    400,
    "VectorIndexParameterInvalid",
  );
  await call(server, "examplebucket", "deleteVectorIndex", { indexName: "vectorindex1" });
  await call(server, "examplebucket", "putVectorIndex", {
    indexName: "vectorindex1",
    dataType: "float32",
    dimension: 5,
    distanceMetric: "euclidean",
  });
  await report.check("raw HTTP", "errors", "InvalidVectorBucketName", async () => {
    // No client sends such names: all of them look first.
    for (const name of ["ab", "-ab", "a_b", "b".repeat(64)]) {
      const answer = await putBucket(server, name);
      expectEqual([answer.status, codeOf(answer)], [400, "InvalidVectorBucketName"], name);
    }
  });
  await expectStatus("write to an index that fits", "Write Vectors", 200);
  await expectStatus("search an index that fits", "Similarity Search", 200);
}

/** A signed call of our own, for what the samples take for granted. */
export function call(
  server: TestServer,
  bucket: string,
  operation: string,
  body: unknown,
): Promise<RawAnswer> {
  const host = `${bucket}-${server.accountId}.cn-hangzhou.oss-vectors.aliyuncs.com`;
  const raw = {
    method: "POST",
    target: `/?${operation}`,
    headers: { host, "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  return send(resign(raw, server, new Date()), server);
}

function putBucket(server: TestServer, bucket: string): Promise<RawAnswer> {
  const host = `${bucket}-${server.accountId}.cn-hangzhou.oss-vectors.aliyuncs.com`;
  const raw = { method: "PUT", target: "/", headers: { host }, body: "" };
  return send(resign(raw, server, new Date()), server);
}

function codeOf(answer: RawAnswer): string {
  return (JSON.parse(answer.text) as { Error: { Code: string } }).Error.Code;
}

export async function createBucket(server: TestServer, bucket: string): Promise<void> {
  const answer = await putBucket(server, bucket);
  if (answer.status !== 200) {
    throw new Error(`Cannot create ${bucket}: ${String(answer.status)} ${answer.text}`);
  }
}

async function put(
  server: TestServer,
  bucket: string,
  indexName: string,
  key: string,
  value: number,
  metadata: object,
): Promise<void> {
  const float32 = new Array<number>(1_024).fill(value);
  const answer = await call(server, bucket, "putVectors", {
    indexName,
    vectors: [{ key, data: { float32 }, metadata }],
  });
  if (answer.status !== 200)
    throw new Error(`Cannot write ${key}: ${String(answer.status)} ${answer.text}`);
}
