/**
 * The unmodified `s3vectors-embed`. It asks for one fixed host over TLS, so the suite does what a
 * user would: the server has a certificate for that host, a proxy leads there, and Bedrock is a
 * server of the test.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { AWS_HOST, startFakeAws } from "./fake-aws.ts";
import { expectEqual, type Report } from "./report.ts";
import { startTestServer } from "./server-process.ts";
import { AWS_EMBED, awsEnvironment, hasPython, PYTHON, type Ran, run } from "./tools.ts";

const BUCKET = "embed-command";
const INDEX = "notes";
const MODEL = "amazon.titan-embed-text-v2:0";
const TEXTS = path.resolve("test/clients/texts");
const MAKE_INDEX = `
import boto3
client = boto3.client("s3vectors")
client.create_vector_bucket(vectorBucketName="${BUCKET}")
client.create_index(vectorBucketName="${BUCKET}", indexName="${INDEX}", dataType="float32",
    dimension=512, distanceMetric="cosine",
    metadataConfiguration={"nonFilterableMetadataKeys": ["S3VECTORS-EMBED-SRC-CONTENT"]})
`;

export async function runAwsEmbedSuite(report: Report): Promise<void> {
  if (!hasPython()) {
    report.skip("s3vectors-embed is not installed");
    return;
  }
  const folder = mkdtempSync(path.join(tmpdir(), "insula-clients-tls-"));
  const certificate = makeCertificate(folder);
  const server = await startTestServer({
    INSULA_TLS_CERT: certificate.cert,
    INSULA_TLS_KEY: certificate.key,
  });
  const aws = await startFakeAws(new URL(server.url));
  const env = {
    ...awsEnvironment(server),
    AWS_CA_BUNDLE: certificate.cert,
    AWS_ENDPOINT_URL_BEDROCK_RUNTIME: aws.url,
    AWS_ENDPOINT_URL_STS: aws.url,
    HTTPS_PROXY: aws.url,
    NO_PROXY: "127.0.0.1",
  };
  try {
    await runCases(report, env, aws.texts);
  } finally {
    await aws.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runCases(
  report: Report,
  env: NodeJS.ProcessEnv,
  embedded: readonly string[],
): Promise<void> {
  const embed = (verb: string, ...words: string[]): Promise<Ran> => {
    const at = ["--vector-bucket-name", BUCKET, "--index-name", INDEX, "--model-id", MODEL];
    return run(AWS_EMBED, [verb, ...at, ...words], { env });
  };
  const check = (title: string, body: () => Promise<void>): Promise<void> =>
    report.check("s3vectors-embed", title.split(" ")[0] ?? "", title, body);
  await report.check("boto3", "addresses", "TLS, with a bundle of certificates", async () => {
    const ran = await run(PYTHON, ["-c", MAKE_INDEX], { env });
    if (ran.code !== 0) throw new Error(ran.stderr);
  });
  await check("put --text-value", async () => {
    const words = ["--text-value", "How do I reset my password?", "--key", "faq"];
    const output = parse(await embed("put", ...words, "--metadata", '{"kind": "faq"}'));
    expectEqual(output["key"], "faq", "key");
    expectEqual(embedded.at(-1), "How do I reset my password?", "embedded text");
  });
  await check("put --text of files by pattern", async () => {
    const ran = await embed("put", "--text", `${TEXTS}/*.txt`, "--filename-as-key");
    if (ran.code !== 0) throw new Error(ran.stderr + ran.stdout);
    expectEqual(embedded.length, 1 + readdirSync(TEXTS).length, "embedded texts");
  });
  await check("query --text-value finds the nearest text, with its metadata", async () => {
    const words = ["--text-value", "reset a password", "--k", "2", "--return-distance"];
    const { results } = parse(await embed("query", ...words)) as { results: Hit[] };
    expectEqual(results.length, 2, "hits");
    expectEqual(results[0]?.Key, "faq", "nearest");
    expectEqual(results[0]?.metadata["kind"], "faq", "metadata");
    if (!(Number(results[0]?.distance) < Number(results[1]?.distance))) {
      throw new Error(JSON.stringify(results));
    }
  });
  await check("query --filter", async () => {
    const words = ["--text-value", "x", "--filter", '{"kind": {"$eq": "faq"}}', "--k", "100"];
    const { results } = parse(await embed("query", ...words)) as { results: Hit[] };
    expectEqual(
      results.map(({ Key }) => Key),
      ["faq"],
      "found",
    );
  });
  await check("query of a missing index ends with 1 and the service's words", async () => {
    const ran = await embed("query", "--text-value", "x", "--index-name", "missing");
    expectEqual(ran.code, 1, "exit code");
    const said = (ran.stdout + ran.stderr).replaceAll(/\s+/g, " ");
    if (!said.includes("The specified index could not be found")) throw new Error(said);
  });
}

interface Hit {
  readonly Key: string;
  readonly distance: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The document that the command prints after its remarks. */
function parse(ran: Ran): Record<string, unknown> {
  if (ran.code !== 0) throw new Error(`exit code ${String(ran.code)}: ${ran.stderr}${ran.stdout}`);
  return JSON.parse(ran.stdout.slice(ran.stdout.indexOf("{"))) as Record<string, unknown>;
}

/** Its own authority, for the host the command asks for. */
function makeCertificate(folder: string): { readonly cert: string; readonly key: string } {
  const cert = path.join(folder, "cert.pem");
  const key = path.join(folder, "key.pem");
  const names = `subjectAltName=DNS:${AWS_HOST},IP:127.0.0.1`;
  const subject = ["-subj", "/CN=insula-test", "-addext", names];
  const form = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = ["-keyout", key, "-out", cert, "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...form, ...files, ...subject], { stdio: "pipe" });
  return { cert, key };
}
