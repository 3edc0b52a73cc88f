/** Ctrl-C at half, then the same command again: all there, no record sent twice. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { CREDENTIALS, ServerChild } from "../support/server-child.ts";
import { CountingProxy } from "./counting-proxy.ts";

const ENTRY = path.resolve(import.meta.dirname, "../../dist/cli/main.js");
/** Three batches of the command. */
const TEXTS = 1_500;
const RECORDS = 4_000;

let folder: string;
let server: ServerChild;
let proxy: CountingProxy;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-interrupted-"));
  server = await ServerChild.start({ dataDir: path.join(folder, "data"), port: 0 });
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  proxy = await CountingProxy.open(server.url);
});

afterEach(() => proxy.close());

interface Ended {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

function insula(args: readonly string[], onStart: (child: ChildProcess) => void): Promise<Ended> {
  const child = spawn(process.execPath, [ENTRY, "--url", proxy.url, ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"], INSULA_ADMIN_SECRET: CREDENTIALS.secret },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (ended.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (ended.err += text));
  onStart(child);
  return new Promise((resolve) => {
    child.on("close", (exitCode) => {
      resolve({ exitCode, ...ended });
    });
  });
}

/** Ctrl-C while the given write is under way. */
function insulaUntil(write: number, args: readonly string[]): Promise<Ended> {
  return insula(args, (child) => {
    proxy.onWrite = (count) => {
      if (count === write) child.kill("SIGINT");
    };
  });
}

async function insulaAgain(args: readonly string[]): Promise<Ended> {
  proxy.onWrite = () => undefined;
  return insula(args, () => undefined);
}

async function countOf(collection: string): Promise<number> {
  const { out } = await insulaAgain([
    "--json",
    "export",
    "--collection",
    collection,
    "--hash-only",
  ]);
  return (JSON.parse(out) as { records: number }).records;
}

function expectEachOnce(count: number): void {
  expect(proxy.sent.size).toBe(count);
  expect([...proxy.sent.values()].filter((times) => times !== 1)).toEqual([]);
}

test("a put of a folder goes on where Ctrl-C stopped it, and sends no record twice", async () => {
  mkdirSync(path.join(folder, "texts"));
  for (let i = 0; i < TEXTS; i++) {
    writeFileSync(path.join(folder, "texts", `${String(i).padStart(4, "0")}.txt`), `text ${i}`);
  }
  const args = ["put", "--create", "--folder", "texts"];
  const first = await insulaUntil(2, args);
  expect(first.exitCode).toBe(130);
  expect(first.err).toContain("The same command writes what is missing.");
  const sentFirst = proxy.sent.size;
  expect(sentFirst).toBeGreaterThan(0);
  expect(sentFirst).toBeLessThan(TEXTS);
  expect(await countOf("texts")).toBe(sentFirst);

  const second = await insulaAgain(args);
  expect(second.exitCode).toBe(0);
  expect(second.out).toContain(`${sentFirst.toLocaleString("en-US")} unchanged`);
  expectEachOnce(TEXTS);
  expect(await countOf("texts")).toBe(TEXTS);
});

test("an import goes on where Ctrl-C stopped it, and sends no record twice", async () => {
  const lines = Array.from({ length: RECORDS }, (_, i) =>
    JSON.stringify({ key: `r${String(i)}`, vector: [i, 1, 2, 3] }),
  );
  writeFileSync(path.join(folder, "records.jsonl"), `${lines.join("\n")}\n`);
  const args = ["import", "--create", "--collection", "many", "--batch-size", "500"];
  const first = await insulaUntil(4, [...args, "records.jsonl"]);
  expect(first.exitCode).toBe(130);
  expect(first.err).toContain("The same command goes on where it stopped.");
  expect(proxy.sent.size).toBeLessThan(RECORDS);
  expect(await countOf("many")).toBe(proxy.sent.size);
  expect(readdirSync(folder)).toContain("records.jsonl.insula-import");

  const second = await insulaAgain([...args, "records.jsonl"]);
  expect(second.exitCode).toBe(0);
  expect(second.err).toContain("Going on behind record 2,000.");
  expectEachOnce(RECORDS);
  expect(await countOf("many")).toBe(RECORDS);
  expect(readdirSync(folder)).not.toContain("records.jsonl.insula-import");
});
