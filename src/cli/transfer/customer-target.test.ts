/** The import of a customer, interrupted: it goes on behind what is still there, or not at all. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Engine } from "../../engine/api.ts";
import { openEngine } from "../../engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeRandom } from "../../io/index.ts";
import type { Session } from "../session.ts";
import { Checkpoint } from "./checkpoint.ts";
import { CustomerTarget } from "./customer-target.ts";
import { runImport, type ImportReport } from "./import-run.ts";
import { openSources } from "./open-source.ts";

const CUSTOMER = { database: "shop", tenant: "ann" };

let folder: string;
let wallMs: number;
let engine: Engine;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-target-"));
  wallMs = 1_000;
  const clock = new (class extends NodeClock {
    // Whatever is made has a time of its own.
    override wallMs(): number {
      return wallMs++;
    }
  })();
  engine = await openEngine({
    ...{ files: new MemoryFileSystem(), clock, random: new NodeRandom() },
    ...{ memoryBudget: 64 * 1_048_576, workerCount: 0 },
  });
  await engine.createDatabase("shop");
  await makeCollection("mails");
  await makeCollection("notes");
  const lines = ["mails", "notes", "mails"].map((collection, i) =>
    JSON.stringify({ collection, key: String(i), vector: [1, 2] }),
  );
  writeFileSync(path.join(folder, "all.jsonl"), lines.join("\n"));
});

afterEach(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

async function makeCollection(name: string, tenancy: "multi" | "single" = "multi"): Promise<void> {
  const vectors = [{ name: "", dimension: 2, metric: "cosine" as const }];
  await engine.createCollection("shop", name, {
    ...{ schema: { vectors, identity: "key", unfilterable: [] }, tenancy },
  });
}

/** @param batchesMax of this run, which is interrupted after them. */
async function run(batchesMax: number): Promise<ImportReport> {
  const names = {
    metadata: [],
    isLax: false,
    collections: { kind: "each", tenant: "ann" },
  } as const;
  const { sources, files } = await openSources([path.join(folder, "all.jsonl")], {
    ...{ format: undefined, names, keysPath: undefined, keyPrefix: "" },
  });
  const session = { catalog: engine, records: engine as unknown as Session["records"] };
  const target = new CustomerTarget(session, CUSTOMER, undefined);
  const checkpoint = new Checkpoint(path.join(folder, "note"), { files, target: "", options: "" });
  const interruption = new AbortController();
  let batches = 0;
  return runImport({
    ...{ sources, target, checkpoint },
    placeOf: ({ collection = "" }) => ({ ...CUSTOMER, collection }),
    bounds: { recordsMax: 1, bytesMax: 1_000_000 },
    from: await checkpoint.read((noted) => target.findOther(noted)),
    signal: interruption.signal,
    onBatch: () => {
      if (++batches === batchesMax) interruption.abort();
    },
  });
}

async function interrupted(): Promise<void> {
  // The batch that is under way is finished, too.
  expect(await run(1)).toMatchObject({ isComplete: false, records: 2 });
}

const REFUSED =
  /was made before the tenant in collection (mails|notes), or the collection, was removed/;

it("goes on, and may be interrupted again", async () => {
  await interrupted();
  expect(await run(9)).toMatchObject({ isComplete: true, before: 2, records: 3 });
  expect(await engine.customers.get(CUSTOMER)).toMatchObject({ rowCount: 3 });
});

it("does not behind a collection that was made anew", async () => {
  await interrupted();
  await engine.deleteCollection("shop", "notes");
  await makeCollection("notes");
  await engine.createTenant({ ...CUSTOMER, collection: "notes" });
  await expect(run(9)).rejects.toThrow(REFUSED);
});

it("does not behind one that is gone, or has no tenants any more", async () => {
  await interrupted();
  await engine.deleteCollection("shop", "mails");
  await expect(run(9)).rejects.toThrow(REFUSED);
  await makeCollection("mails", "single");
  await expect(run(9)).rejects.toThrow(REFUSED);
});

it("does not behind a database that was made anew", async () => {
  await interrupted();
  for (const name of ["mails", "notes"]) await engine.deleteCollection("shop", name);
  await engine.deleteDatabase("shop");
  await engine.createDatabase("shop");
  await makeCollection("mails");
  await expect(run(9)).rejects.toThrow(REFUSED);
});

it("does not behind a customer that was erased", async () => {
  await interrupted();
  await engine.customers.erase(CUSTOMER);
  await expect(run(9)).rejects.toThrow(REFUSED);
});

it("remembers what the run before it had written", async () => {
  // Of the second run each batch is of mails alone.
  writeFileSync(
    path.join(folder, "all.jsonl"),
    ["notes", "mails", "mails", "mails", "mails", "mails"]
      .map((collection, i) => JSON.stringify({ collection, key: String(i), vector: [1, 2] }))
      .join("\n"),
  );
  await interrupted();
  expect(await run(1)).toMatchObject({ isComplete: false, before: 2 });
  await engine.deleteTenant({ ...CUSTOMER, collection: "notes" });
  await expect(run(9)).rejects.toThrow(REFUSED);
});
