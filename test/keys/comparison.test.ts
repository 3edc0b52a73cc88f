/**
 * The time of a refusal does not tell how much of a secret was right: guesses that part from it at
 * the first byte against guesses that part at the last.
 */
import { expect, test } from "vitest";
import { openAccess } from "../../src/access/index.ts";
import { secretsEqual } from "../../src/base/secret.ts";
import { MemoryFileSystem } from "../../src/io/index.ts";
import { Chance } from "../support/chance.ts";
import { OssBench } from "../support/oss-bench.ts";
import { S3Bench } from "../support/s3-bench.ts";
import { T_MAX, welch, type Sampled } from "./welch.ts";

const SAMPLES = Number(process.env["INSULA_TIMING_SAMPLES"] ?? 20_000);
const chance = new Chance(Number(process.env["INSULA_SEED"] ?? 1));
/** Calls of one measurement of something short, so that the clock sees it. */
const REPEATS = 8;

function sampled(count: number, call: (kind: 0 | 1) => void): Sampled {
  return {
    count,
    nextKind: () => (chance.between(0, 1) === 0 ? 0 : 1),
    measure: (kind) => {
      const start = process.hrtime.bigint();
      for (let i = 0; i < REPEATS; i++) call(kind);
      return Number(process.hrtime.bigint() - start);
    },
  };
}

function sampledAsync(count: number, call: (kind: 0 | 1) => Promise<unknown>): Sampled {
  return {
    ...sampled(count, () => undefined),
    measure: async (kind) => {
      const start = process.hrtime.bigint();
      await call(kind);
      return Number(process.hrtime.bigint() - start);
    },
  };
}

/** Differs at the first and at the last character. */
function guesses(secret: string): readonly [string, string] {
  const other = (letter: string): string => (letter === "0" ? "1" : "0");
  return [
    other(secret.charAt(0)) + secret.slice(1),
    secret.slice(0, -1) + other(secret.charAt(secret.length - 1)),
  ];
}

const SECRET = "s".repeat(256);

test("a comparison that stops at the first difference is found out", async () => {
  const stopsEarly = (a: string, b: string): boolean => {
    for (let i = 0; i < a.length; i++) if (a.charCodeAt(i) !== b.charCodeAt(i)) return false;
    return true;
  };
  const [early, late] = guesses(SECRET);
  const t = await welch(sampled(SAMPLES, (kind) => stopsEarly(kind === 0 ? early : late, SECRET)));
  expect(Math.abs(t)).toBeGreaterThan(T_MAX);
});

test("the one function that compares secrets is not", async () => {
  const [early, late] = guesses(SECRET);
  const t = await welch(
    sampled(SAMPLES, (kind) => secretsEqual(kind === 0 ? early : late, SECRET)),
  );
  expect(Math.abs(t)).toBeLessThan(T_MAX);
});

test("nor are tokens", async () => {
  const rows = new Map<string, Uint8Array>();
  const access = await openAccess({
    settings: {
      readSetting: (name) => Promise.resolve(rows.get(name)),
      writeSetting: (name, value) => {
        rows.set(name, value ?? new Uint8Array());
        return Promise.resolve();
      },
      deriveKey: () => undefined,
      listSettings: () => Promise.resolve({ items: [], hasMore: false }),
    },
    files: new MemoryFileSystem(),
    clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
    random: { bytes: (count) => new Uint8Array(count).fill(7) },
    admin: { id: "admin", secret: SECRET },
    accountId: "1",
  });
  const { id, secret } = await access.createKey({
    grants: [{ actions: ["*"], databases: ["*"] }],
  });
  const tokens = guesses(secret).map((guess) => `${id}.${guess}`);
  const t = await welch(sampledAsync(SAMPLES, (kind) => access.findToken(tokens[kind] ?? "")));
  expect(Math.abs(t)).toBeLessThan(T_MAX);
});

/** The last characters of the Authorization header are the signature. */
function forge<Sent extends { readonly headers: Readonly<Record<string, string>> }>(
  sent: Sent,
): readonly Sent[] {
  const authorization = sent.headers["authorization"] ?? "";
  const at = authorization.lastIndexOf("=") + 1;
  return guesses(authorization.slice(at)).map((guess) => ({
    ...sent,
    headers: { ...sent.headers, authorization: authorization.slice(0, at) + guess },
  }));
}

test("nor are signatures of OSS", async () => {
  const bench = new OssBench();
  const sent = bench.sign({});
  expect((await bench.exchange(sent)).status).toBe(200);
  const forged = forge(sent);
  expect((await bench.exchange(forged[0] ?? sent)).status).toBe(403);
  const t = await welch(sampledAsync(SAMPLES, (kind) => bench.exchange(forged[kind] ?? sent)));
  expect(Math.abs(t)).toBeLessThan(T_MAX);
});

test("nor are signatures of S3 Vectors", async () => {
  const bench = new S3Bench();
  const sent = bench.sign({ path: "/ListVectorBuckets", body: {} });
  expect((await bench.exchange(sent)).status).toBe(200);
  const forged = forge(sent);
  expect((await bench.exchange(forged[0] ?? sent)).status).toBe(403);
  const t = await welch(sampledAsync(SAMPLES, (kind) => bench.exchange(forged[kind] ?? sent)));
  expect(Math.abs(t)).toBeLessThan(T_MAX);
});
