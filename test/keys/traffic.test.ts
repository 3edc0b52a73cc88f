/**
 * Keys under load, and what of them reaches the disk: rotated and revoked while every protocol uses
 * them, then all bytes of the folder are searched for every secret there ever was.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openKeys, type AccessKeys, type CreatedKey } from "../../src/client/index.ts";
import { KeyCaller, type KeyReply } from "../support/key-caller.ts";
import { CREDENTIALS, ServerChild } from "../support/server-child.ts";

const SOURCES = ["--import", "tsx", path.resolve("src/cli/main.ts")];
/** Keys that are rotated and revoked under load. */
const ROUNDS = Number(process.env["INSULA_KEY_ROUNDS"] ?? 20);
const CANARY = "canary-of-metadata-7c1f";
const CANARY_NUMBER = 0.123456789;

const dataDir = mkdtempSync(path.join(tmpdir(), "insula-keys-"));
let server: ServerChild;
let url: string;
let admin: KeyCaller;
let keys: AccessKeys;
const secrets = new Set<string>([CREDENTIALS.secret]);

beforeAll(async () => {
  server = await ServerChild.start({
    dataDir,
    port: 0,
    program: SOURCES,
    variables: { INSULA_AUDIT_LOG: "on", INSULA_LOG_LEVEL: "debug" },
  });
  url = server.url.href;
  admin = new KeyCaller(url, { ...CREDENTIALS, id: CREDENTIALS.keyId });
  keys = openKeys({ url, secret: CREDENTIALS.secret });
  expect((await admin.oss("bucket", "", undefined, "PUT")).status).toBe(200);
  const index = { indexName: "index", dimension: 2, distanceMetric: "cosine", dataType: "float32" };
  expect((await admin.oss("bucket", "putVectorIndex", index)).status).toBe(200);
});

afterAll(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true });
});

function keep(key: CreatedKey): CreatedKey {
  secrets.add(key.secret);
  return key;
}

const GRANTS = [{ actions: ["read", "write"], databases: ["bucket"], collections: ["index"] }];
const AT = { vectorBucketName: "bucket", indexName: "index" };
const PROTOCOLS: readonly ((caller: KeyCaller) => Promise<KeyReply>)[] = [
  (caller) =>
    caller.oss("bucket", "putVectors", {
      indexName: "index",
      vectors: [{ key: "k", data: { float32: [CANARY_NUMBER, 1] }, metadata: { text: CANARY } }],
    }),
  (caller) => caller.s3("GetVectors", { ...AT, keys: ["k"] }),
  (caller) =>
    caller.native("POST", "databases/bucket/collections/index/records/search", {
      vector: [CANARY_NUMBER, 0],
    }),
];

interface Seen {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly status: number;
}

/** Calls through every protocol, two lanes each, until told to stop. */
function load(key: CreatedKey): { readonly seen: Seen[]; stop(): Promise<void> } {
  const seen: Seen[] = [];
  const caller = new KeyCaller(url, key);
  let isRunning = true;
  const lanes = [...PROTOCOLS, ...PROTOCOLS].map(async (call) => {
    while (isRunning) {
      const startedAtMs = performance.now();
      const { status } = await call(caller);
      seen.push({ startedAtMs, endedAtMs: performance.now(), status });
    }
  });
  return {
    seen,
    stop: async () => {
      isRunning = false;
      await Promise.all(lanes);
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** On a slow machine a fixed pause may see nothing. */
async function untilSeen(
  seen: readonly Seen[],
  isCounted: (one: Seen) => boolean,
  count: number,
): Promise<void> {
  do await pause(60);
  while (seen.filter(isCounted).length < count);
}

const isRefused = ({ status }: Seen): boolean => status === 401 || status === 403;

test("a revoked key is refused by every request that starts after the answer", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const key = keep(await keys.create({ grants: GRANTS }));
    const running = load(key);
    await untilSeen(running.seen, ({ startedAtMs }) => startedAtMs > 0, 1);
    const askedAtMs = performance.now();
    await keys.revoke(key.id);
    const revokedAtMs = performance.now();
    const isAfter = ({ startedAtMs }: Seen): boolean => startedAtMs >= revokedAtMs;
    await untilSeen(running.seen, isAfter, PROTOCOLS.length + 1);
    await running.stop();
    const before = running.seen.filter(({ endedAtMs }) => endedAtMs < askedAtMs);
    const after = running.seen.filter(isAfter);
    expect(before.length).toBeGreaterThan(0);
    expect(before.filter(({ status }) => status !== 200)).toEqual([]);
    expect(after.length).toBeGreaterThan(PROTOCOLS.length);
    expect(after.filter((one) => !isRefused(one))).toEqual([]);
  }
});

test("a rotated key goes on without one refusal during its grace, then only the new secret does", async () => {
  let old = keep(await keys.create({ grants: GRANTS }));
  for (let round = 0; round < 3; round++) {
    const running = load(old);
    await pause(60);
    const graceMs = 1_500;
    const fresh = keep(await keys.rotate(old.id, { graceMs }));
    const rotatedAtMs = performance.now();
    const also = load(fresh);
    await pause(graceMs + 200);
    await Promise.all([running.stop(), also.stop()]);
    expect(also.seen.length).toBeGreaterThan(PROTOCOLS.length);
    expect(also.seen.filter(({ status }) => status !== 200)).toEqual([]);
    const within = running.seen.filter(
      ({ startedAtMs }) => startedAtMs < rotatedAtMs + graceMs - 500,
    );
    expect(within.filter(({ status }) => status !== 200)).toEqual([]);
    const late = running.seen.filter(({ startedAtMs }) => startedAtMs >= rotatedAtMs + graceMs);
    expect(late.length).toBeGreaterThan(0);
    expect(late.filter((one) => !isRefused(one))).toEqual([]);
    old = fresh;
  }
});

test("a rotated key without grace: the old secret is refused from the answer on", async () => {
  const old = keep(await keys.create({ grants: GRANTS }));
  const running = load(old);
  await pause(60);
  const fresh = keep(await keys.rotate(old.id));
  const rotatedAtMs = performance.now();
  await pause(60);
  await running.stop();
  const after = running.seen.filter(({ startedAtMs }) => startedAtMs >= rotatedAtMs);
  expect(after.length).toBeGreaterThan(0);
  expect(after.filter((one) => !isRefused(one))).toEqual([]);
  const statuses = PROTOCOLS.map((call) => call(new KeyCaller(url, fresh)));
  expect((await Promise.all(statuses)).map(({ status }) => status)).toEqual([200, 200, 200]);
});

test("neither the folder, killed or stopped, nor the log has a secret in any form", async () => {
  for (let i = 0; i < 100; i++) {
    const key = keep(await keys.create({ grants: GRANTS, requestsPerSecond: 10 + i }));
    if (i % 2 === 0) keep(await keys.rotate(key.id, { graceMs: 3_600_000 }));
    if (i % 5 === 0) await keys.revoke(key.id);
  }
  const { errorText } = server;
  await server.kill();
  findSecrets(errorText);
  server = await ServerChild.start({ dataDir, port: 0, program: SOURCES });
  const again = openKeys({ url: server.url.href, secret: CREDENTIALS.secret });
  expect((await again.list({ limit: 1_000 })).items.length).toBeGreaterThan(80);
  expect(await server.stop()).toBe("0");
  findSecrets(server.errorText);
  server = await ServerChild.start({ dataDir, port: 0, program: SOURCES });
});

/** Looks into every file and into the text, for every secret in every form. */
function findSecrets(log: string): void {
  expect(secrets.size).toBeGreaterThan(100);
  const files = readdirSync(dataDir, { recursive: true, encoding: "utf8" })
    .map((name) => path.join(dataDir, name))
    .filter((name) => statSync(name).isFile());
  expect(files.length).toBeGreaterThan(3);
  const found: string[] = [];
  for (const file of [...files, undefined]) {
    const bytes = file === undefined ? Buffer.from(log) : readFileSync(file);
    for (const secret of secrets) {
      const isThere = formsOf(secret).some((form) => bytes.includes(form));
      if (isThere) found.push(file ?? "the log");
    }
  }
  expect(found).toEqual([]);
  // Content is in the data, as it must be, and not in what is written about requests.
  const audit = readFileSync(path.join(dataDir, "audit.log"), "utf8");
  expect(audit.split("\n").length).toBeGreaterThan(100);
  for (const text of [audit, log]) {
    expect(text).not.toContain(CANARY);
    expect(text).not.toContain(String(CANARY_NUMBER));
    expect(text).not.toContain("Bearer");
  }
}

function formsOf(secret: string): readonly Buffer[] {
  const plain = Buffer.from(secret);
  const decoded = Buffer.from(secret, "base64url");
  return [
    plain,
    Buffer.from(plain.toString("base64")),
    Buffer.from(plain.toString("hex")),
    Buffer.from(secret, "utf16le"),
    ...(decoded.length >= 16 ? [decoded, Buffer.from(decoded.toString("hex"))] : []),
  ];
}
