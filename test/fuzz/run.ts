/**
 * Thousands of good and bent requests against a live server: `npm run test:fuzz -- --requests
 * 10000`.
 *
 * Every answer must have the dialect's own form, the process must live, answer others meanwhile,
 * and hold as much memory and as many files afterwards as before.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { Agent, request, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import {
  OSS_ERRORS,
  OSS_FAULTS,
  OSS_OPERATIONS,
  type OssOperation,
} from "../../src/dialects/vector-bucket/index.ts";
import { OSS4, ossResourceUri, signHeaders } from "../../src/wire/index.ts";
import { Chance } from "../support/chance.ts";
import { CREDENTIALS, ServerChild } from "../support/server-child.ts";
import { DIMENSION, INDEX, bend, goodBody } from "./bodies.ts";

const REGION = "cn-hangzhou";
const BUCKET = "fuzz-bucket";
/** Requests before memory and files are counted: caches, compiled code and pools grow first. */
const WARM_UP = 16_000;
const GROWTH_MAX = 0.05;
/** 2 MiB of numbers: parsed by the parse worker, scanned by the kernel workers. */
const WIDE_DIMENSION = 4_096;
const WIDE_ROWS = 128;
const AT_ONCE = 8;
const HEALTH_MS_MAX = 2_000;
/** Malformed or refused before the operation is asked. */
const EARLY_CODES = new Set([
  ...["MalformedJson", "SignatureDoesNotMatch", "InvalidAccessKeyId", "AccessDenied"],
  ...["RequestTimeTooSkewed", "MethodNotAllowed", "InvalidArgument"],
]);
const CODES = new Set(
  [...Object.values(OSS_ERRORS), ...Object.values(OSS_FAULTS)].map((e) => e.code),
);

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log("Sends good and bent requests to a server and judges every answer.\n");
  console.log("  npm run test:fuzz -- --requests 1000 --seed 3");
  process.exit(0);
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const requestCount = Number(values.requests);
const chance = new Chance(Number(values.seed));
const dataDir = mkdtempSync(path.join(tmpdir(), "insula-fuzz-"));
const counts = new Map<string, number>();
const faults: string[] = [];
/** Each part of the run has connections of its own, closed before anything is counted. */
let agent = openAgent();
const tally = { sent: 0, reached: 0, slowestHealthMs: 0 };

const hook = new URL("./collect-garbage.mjs", import.meta.url).href;
const server = await ServerChild.start({
  dataDir,
  port: 0,
  variables: { NODE_OPTIONS: `--expose-gc --import ${hook}` },
});
await prepare();
await sendMany(WARM_UP);
const before = await usage();
const watch = setInterval(() => void checkHealth(), 100);
await sendMany(requestCount);
clearInterval(watch);
const after = await usage();
judgeEnd();
await server.stop();
report();

async function prepare(): Promise<void> {
  await exchange(signed(operationNamed("PutVectorBucket"), "", BUCKET));
  const body = {
    indexName: INDEX,
    dataType: "float32",
    dimension: DIMENSION,
    distanceMetric: "cosine",
  };
  const reply = await exchange(
    signed(operationNamed("PutVectorIndex"), JSON.stringify(body), BUCKET),
  );
  if (reply.status !== 200) throw new Error(reply.text);
  await startThreads();
}

/** Threads start when they are needed: a large body and a long scan, so that none starts later. */
async function startThreads(): Promise<void> {
  const indexName = "wide";
  const float32 = Array.from({ length: WIDE_DIMENSION }, (_, i) => i + 0.5);
  const vectors = Array.from({ length: WIDE_ROWS }, (_, i) => ({
    key: `k${i}`,
    data: { float32 },
  }));
  const steps: readonly (readonly [string, object])[] = [
    [
      "PutVectorIndex",
      { dataType: "float32", dimension: WIDE_DIMENSION, distanceMetric: "cosine" },
    ],
    ["PutVectors", { vectors }],
    ["QueryVectors", { topK: 1, queryVector: { float32 } }],
  ];
  for (const [name, body] of steps) {
    const text = JSON.stringify({ indexName, ...body });
    const { status, text: answer } = await exchange(signed(operationNamed(name), text, BUCKET));
    if (status !== 200) throw new Error(`${name}: ${answer}`);
  }
}

async function sendMany(count: number): Promise<void> {
  let left = count;
  const work = async (): Promise<void> => {
    while (left-- > 0) await sendOne();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function sendOne(): Promise<void> {
  const operation = chance.pick(OSS_OPERATIONS);
  const good = goodBody(operation.name, chance);
  const body = chance.isLikely(0.45) ? bend(good, chance) : good;
  // Deleting the bucket itself would end the run's data: another one is made and removed instead.
  const isBucketCall =
    operation.name === "PutVectorBucket" || operation.name === "DeleteVectorBucket";
  const bucket = isBucketCall ? `b${chance.between(100, 140)}` : BUCKET;
  const sent = signed(operation, body, bucket);
  if (chance.isLikely(0.05)) bendHead(sent);
  const reply = await exchange(sent);
  tally.sent++;
  const code = judge(operation, reply);
  if (!EARLY_CODES.has(code)) {
    tally.reached++;
    const name = `${operation.name} ${code}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
}

interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  readonly body: string | Buffer;
}

function signed(operation: OssOperation, body: string | Buffer, bucket: string): Sent {
  const isService = operation.level === "service";
  const base = isService ? "/" : `/${bucket}/`;
  const query = operation.verb ?? "";
  const headers = signHeaders({
    scheme: OSS4,
    request: { method: operation.method, path: base, query, headers: {} },
    credentials: CREDENTIALS,
    region: REGION,
    canonicalUri: ossResourceUri({
      region: REGION,
      ...(isService ? {} : { accountId: CREDENTIALS.accountId, bucket }),
    }),
    nowMs: Date.now(),
  });
  const target = query === "" ? base : `${base}?${query}`;
  return { method: operation.method, path: target, headers: { ...headers }, body };
}

/** Faults outside the body: signature, dates, method, path. */
function bendHead(sent: Sent): void {
  const authorization = sent.headers["authorization"] ?? sent.headers["Authorization"] ?? "";
  const bends: readonly (() => void)[] = [
    () => (sent.headers = {}),
    () => (sent.headers["authorization"] = authorization.slice(0, -1)),
    () => (sent.headers["authorization"] = authorization.replace(/Signature=./, "Signature=_")),
    () => (sent.headers["x-oss-date"] = "20010101T000000Z"),
    () => (sent.method = chance.pick(["PATCH", "GET", "PUT", "DELETE", "OPTIONS"])),
    () => (sent.path = `${sent.path}${chance.pick(["&", "?"])}nothing=%00`),
    () => (sent.path = "/..%2f..%2fetc/?getVectors"),
    () => (sent.headers["content-type"] = "text/plain; charset=\u00ff"),
  ];
  chance.pick(bends)();
}

function exchange(sent: Sent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = server.url;
    const headers = { ...sent.headers, "content-length": String(Buffer.byteLength(sent.body)) };
    const options = { agent, hostname, port, method: sent.method, path: sent.path, headers };
    const outgoing = request(options, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.once("error", reject);
      answer.once("end", () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
      });
    });
    outgoing.once("error", reject);
    outgoing.end(sent.body);
  });
}

/** The code of the answer, "ok" for a success; what has no form of the dialect is a fault. */
function judge(operation: OssOperation, reply: Reply): string {
  const { status, headers, text } = reply;
  const fault = (reason: string): string => {
    faults.push(`${operation.name}: ${reason}: ${status} ${text.slice(0, 200)}`);
    return "fault";
  };
  if (headers.date === undefined) return fault("no Date");
  // A target that is not the dialect's is answered by the house.
  if (headers["content-type"] === "application/problem+json") return "InvalidArgument";
  if (!/^[0-9A-F]{24}$/.test(String(headers["x-oss-request-id"]))) return fault("no request id");
  if (status >= 200 && status < 300) {
    if (status !== 204 && text !== "") JSON.parse(text);
    return "ok";
  }
  if (headers["content-type"] !== "application/json") return fault("wrong content type");
  let code = "";
  try {
    const { Error: error } = JSON.parse(text) as { Error: Record<string, unknown> };
    code = String(error["Code"]);
    for (const name of ["Code", "Message", "RequestId", "HostId", "EC"]) {
      if (typeof error[name] !== "string") return fault(`no ${name}`);
    }
  } catch {
    return fault("no error body");
  }
  if (!CODES.has(code)) return fault("unknown code");
  if (status >= 500 && status !== 503) return fault("a fault of the server");
  return code;
}

async function checkHealth(): Promise<void> {
  const startedAt = performance.now();
  try {
    const url = new URL("/healthz", server.url);
    const answer = await fetch(url, {
      headers: { connection: "close" },
      signal: AbortSignal.timeout(10_000),
    });
    await answer.arrayBuffer();
    if (answer.status !== 200) faults.push(`health: ${answer.status}`);
  } catch (error) {
    faults.push(`health: ${String(error)}`);
  }
  tally.slowestHealthMs = Math.max(tally.slowestHealthMs, performance.now() - startedAt);
}

function openAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: AT_ONCE });
}

/** Anonymous memory after two collections, and open files, without a client connected. */
async function usage(): Promise<{ readonly anonymousKb: number; readonly files: number }> {
  agent.destroy();
  agent = openAgent();
  for (let i = 0; i < 2; i++) {
    process.kill(server.pid, "SIGUSR2");
    await new Promise((resolve) => setTimeout(resolve, 3_000));
  }
  const rollup = readFileSync(`/proc/${server.pid}/smaps_rollup`, "utf8");
  const anonymousKb = Number(/^Anonymous:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
  return { anonymousKb, files: readdirSync(`/proc/${server.pid}/fd`).length };
}

function judgeEnd(): void {
  if (!server.isAlive) faults.push(`the server ended: ${server.errorText}`);
  if (tally.reached < tally.sent / 2) faults.push("fewer than half reached their operation");
  for (const { name } of OSS_OPERATIONS) {
    const reached = [...counts].filter(([key]) => key.startsWith(`${name} `));
    const sum = reached.reduce((total, [, count]) => total + count, 0);
    if (sum < Math.min(20, requestCount / 500))
      faults.push(`${name} was reached ${sum} times only`);
  }
  if (after.anonymousKb > before.anonymousKb * (1 + GROWTH_MAX)) faults.push("memory has grown");
  if (after.files > before.files * (1 + GROWTH_MAX)) faults.push("open files have grown");
  if (tally.slowestHealthMs > HEALTH_MS_MAX) faults.push("others were not answered meanwhile");
}

function operationNamed(name: string): OssOperation {
  const operation = OSS_OPERATIONS.find((candidate) => candidate.name === name);
  if (operation === undefined) throw new Error(`There is no operation ${name}.`);
  return operation;
}

function report(): void {
  for (const [name, count] of [...counts].sort())
    console.log(`${String(count).padStart(6)}  ${name}`);
  console.log(`requests ${tally.sent}, reached their operation ${tally.reached}`);
  console.log(`anonymous memory ${before.anonymousKb} kB before, ${after.anonymousKb} kB after`);
  console.log(`open files ${before.files} before, ${after.files} after`);
  console.log(`slowest health answer ${Math.round(tally.slowestHealthMs)} ms`);
  for (const fault of faults.slice(0, 20)) console.log(`FAULT ${fault}`);
  if (faults.length === 0) rmSync(dataDir, { recursive: true, force: true });
  else console.log(`seed ${values.seed}; the folder is kept: ${dataDir}`);
  console.log(`${tally.sent} passed, ${faults.length} failed`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
