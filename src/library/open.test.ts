import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { insulaContract } from "../client/insula.contract.ts";
import { open } from "./index.ts";

insulaContract("embedded, in memory", async () => {
  const insula = await open({ workerCount: 0 });
  return { insula, close: () => insula.close() };
});

insulaContract("embedded, on a folder", async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), "insula-open-"));
  const insula = await open({ dataDir });
  return {
    insula,
    close: async () => {
      await insula.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
});

/** Worker and log threads are at work in it: a flush builds a segment on a worker. */
const PROGRAM = `
import { open } from "OPEN";
{
  await using db = await open({ dataDir: process.argv[2] });
  await db.createDatabase("shop");
  const notes = await db.createCollection("shop", "notes", { dimension: 64 });
  const keys = Array.from({ length: 3_000 }, (_, i) => String(i));
  const values = Float32Array.from({ length: keys.length * 64 }, (_, i) => Math.sin(i * i));
  const metadata = keys.map((_, i) => ({ i }));
  await notes.upsert({ keys, vectors: [{ field: "", values }], metadata });
  await db.engine.flush();
  const { hits } = await notes.query({ vector: values.subarray(0, 64), topK: 1 });
  console.log(hits[0].key);
}
console.log("closed");
`;

test(
  "a script that closes its database exits by itself, and leaves the folder free",
  { timeout: 120_000 },
  async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), "insula-script-"));
    const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
    const library = new URL("./index.ts", import.meta.url).href;
    const program = path.join(dataDir, "program.mts");
    writeFileSync(program, PROGRAM.replace("OPEN", library));
    try {
      const words = ["--import", loader, program, path.join(dataDir, "db")];
      const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 110_000 });
      expect(stdout).toBe("0\nclosed\n");
      await using again = await open({ dataDir: path.join(dataDir, "db") });
      expect(await again.collection("shop", "notes").count()).toBe(3_000);
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
);
