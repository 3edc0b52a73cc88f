/** Runs the test programs in the vendor clients' own languages and takes in their lines. */
import { readdirSync } from "node:fs";
import path from "node:path";
import type { CaseResult, Report } from "./report.ts";
import type { TestServer } from "./server-process.ts";
import {
  clientEnvironment,
  EMBED,
  GO_FOLDER,
  hasGo,
  hasPython,
  PYTHON,
  type Ran,
  run,
} from "./tools.ts";
import { expectEqual } from "./report.ts";
import { call, createBucket } from "./seed-suite.ts";

export async function runPythonProgram(
  report: Report,
  server: TestServer,
  name: string,
): Promise<void> {
  if (!hasPython()) {
    report.skip("Python clients are not installed");
    return;
  }
  const env = { ...clientEnvironment(server), ...(await limitedKey(server, "python-*")) };
  const file = path.resolve("test/clients/python", name);
  takeLines(report, "Python SDK", name, await run(PYTHON, [file], { env }));
}

export async function runGoProgram(
  report: Report,
  server: TestServer,
  name: string,
): Promise<void> {
  if (!hasGo()) {
    report.skip("the Go client is not installed");
    return;
  }
  const env = clientEnvironment(server);
  takeLines(report, "Go SDK", name, await run("go", ["run", `./${name}`], { env, cwd: GO_FOLDER }));
}

/** Each line of JSON is a result; a program without any, or that crashed, is a failure. */
export function takeLines(report: Report, client: string, name: string, ran: Ran): void {
  let count = 0;
  for (const line of ran.stdout.split("\n")) {
    if (!line.startsWith("{")) continue;
    count += 1;
    report.add({ ...(JSON.parse(line) as Omit<CaseResult, "client">), client });
  }
  if (count > 0 && ran.code >= 0 && ran.code <= 1) return;
  const end = `${name} ended with ${String(ran.code)} after ${String(count)} cases`;
  const detail = `${end}: ${ran.stderr.slice(-1_500)}`;
  report.add({ client, operation: "program", case: name, pass: false, detail });
}

/** A key that may only query, for the case AccessDenied. */
export async function limitedKey(
  server: TestServer,
  databases: string,
): Promise<Record<string, string>> {
  const answer = await fetch(`${server.url}/insula/v1/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.secret}` },
    body: JSON.stringify({ grants: [{ actions: ["vectors:Query*"], databases: [databases] }] }),
  });
  if (!answer.ok) throw new Error(`Cannot make a key: ${await answer.text()}`);
  const { id, secret } = (await answer.json()) as { id: string; secret: string };
  return { INSULA_TEST_LIMITED_ID: id, INSULA_TEST_LIMITED_SECRET: secret };
}

/** The unmodified `oss-vectors-embed`: text, file, files by pattern, query, filter; no network. */
export async function runEmbedSuite(report: Report, server: TestServer): Promise<void> {
  if (!hasPython()) {
    report.skip("oss-vectors-embed is not installed");
    return;
  }
  const bucket = "embed-command";
  const docs = path.resolve("test/clients/texts");
  await createBucket(server, bucket);
  await call(server, bucket, "putVectorIndex", {
    indexName: "notes",
    dataType: "float32",
    dimension: 1_024,
    distanceMetric: "cosine",
    metadata: { nonFilterableMetadataKeys: ["OSSVECTORS-EMBED-SRC-CONTENT"] },
  });
  const embed = (verb: string, ...words: string[]): Promise<Ran> =>
    run(
      EMBED,
      [
        ...["--account-id", server.accountId, "--vectors-endpoint", "http://vectors.test", verb],
        ...[
          "--vector-bucket-name",
          bucket,
          "--index-name",
          "notes",
          "--model-id",
          "text-embedding-v4",
        ],
        ...words,
      ],
      { env: clientEnvironment(server) },
    );
  const check = (title: string, body: () => Promise<void>): Promise<void> =>
    report.check("oss-vectors-embed", title.split(" ")[0] ?? "", title, body);
  await check("put --text-value", async () => {
    const ran = await embed(
      "put",
      "--text-value",
      "How do I reset my password?",
      "--key",
      "faq",
      "--metadata",
      '{"kind": "faq"}',
    );
    const output = parse(ran) as { key: string; embeddingDimensions: number };
    expectEqual([output.key, output.embeddingDimensions], ["faq", 1_024], "output");
  });
  await check("put --text of one file", async () => {
    const [file = ""] = readdirSync(docs).sort();
    parse(await embed("put", "--text", path.join(docs, file), "--filename-as-key"));
  });
  await check("put --text of files by pattern", async () => {
    const ran = await embed("put", "--text", `${docs}/*.txt`, "--filename-as-key");
    if (ran.code !== 0) throw new Error(ran.stderr + ran.stdout);
    const listed = await call(server, bucket, "listVectors", { indexName: "notes" });
    const { vectors } = JSON.parse(listed.text) as { vectors: { key: string }[] };
    expectEqual(
      vectors.map(({ key }) => key),
      ["faq", ...readdirSync(docs).sort()],
      "keys",
    );
  });
  await check("query --text-value finds the nearest text", async () => {
    const ran = await embed(
      "query",
      "--text-value",
      "resetting a forgotten password",
      "--top-k",
      "2",
      "--return-distance",
    );
    const { results } = parse(ran) as { results: { Key: string; distance: number }[] };
    expectEqual(results[0]?.Key, "faq", "nearest");
    if (!(Number(results[0]?.distance) < Number(results[1]?.distance))) throw new Error(ran.stdout);
  });
  await check("query --filter", async () => {
    const ran = await embed(
      "query",
      "--text-value",
      "apartment houses of Rome",
      "--filter",
      '{"kind": {"$eq": "faq"}}',
    );
    const { results } = parse(ran) as { results: { Key: string }[] };
    expectEqual(
      results.map(({ Key }) => Key),
      ["faq"],
      "found",
    );
  });
  await check("query of a missing index ends with 1 and the service's code", async () => {
    const ran = await embed("query", "--text-value", "x", "--index-name", "missing");
    expectEqual(ran.code, 1, "exit code");
    if (!(ran.stdout + ran.stderr).includes("NoSuchVectorIndex")) throw new Error(ran.stderr);
  });
}

/** The document that the command prints after its remarks. */
function parse(ran: Ran): unknown {
  if (ran.code !== 0) throw new Error(`exit code ${String(ran.code)}: ${ran.stderr}${ran.stdout}`);
  return JSON.parse(ran.stdout.slice(ran.stdout.indexOf("{")));
}

/** Our own programs in examples/, run as a reader would run them. */
export async function runExamples(report: Report, server: TestServer): Promise<void> {
  const env = {
    ...clientEnvironment(server),
    INSULA_URL: server.url,
    INSULA_ACCOUNT: server.accountId,
  };
  const check = (
    title: string,
    command: string,
    words: readonly string[],
    cwd?: string,
  ): Promise<void> =>
    report.check("examples", "examples", title, async () => {
      const ran = await run(command, words, { env, ...(cwd !== undefined && { cwd }) });
      if (ran.code !== 0)
        throw new Error(`exit code ${String(ran.code)}: ${ran.stderr}${ran.stdout}`);
      if (!ran.stdout.includes("All as expected.")) throw new Error(ran.stdout);
    });
  await check("examples/http/tenants.mjs", process.execPath, [
    path.resolve("examples/http/tenants.mjs"),
  ]);
  if (hasPython())
    await check("examples/python/tenants.py", PYTHON, [path.resolve("examples/python/tenants.py")]);
  if (hasGo()) {
    // The example has no module of its own: it is built in that of the tests, where the client is
    // pinned.
    await check(
      "examples/go/tenants.go",
      "go",
      ["run", path.resolve("examples/go/tenants.go")],
      GO_FOLDER,
    );
  }
}
