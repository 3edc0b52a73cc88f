import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Place, RecordView, WriteBatch } from "../../model/index.ts";
import { Checkpoint, type ImportIdentity } from "./checkpoint.ts";
import { ContentHash } from "./content-hash.ts";
import { runImport, type ImportOptions, type ImportReport } from "./import-run.ts";
import { openJsonlSink } from "./jsonl-sink.ts";
import { openMatrixSink } from "./matrix-sink.ts";
import { openSources, type SourceOptions } from "./open-source.ts";
import { openParquetSink } from "./parquet-sink.ts";

const OPTIONS: SourceOptions = {
  format: undefined,
  names: { metadata: [], isLax: false },
  keysPath: undefined,
  keyPrefix: "",
};

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-transfer-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Remembers what it was sent. */
class Received {
  readonly records = new Map<string, RecordView>();
  /** Every key in the order sent, also those sent twice. */
  readonly sent: string[] = [];
  onBatch: (count: number) => void = () => undefined;

  upsert(place: Place, batch: WriteBatch): Promise<{ added: number; replaced: number }> {
    let added = 0;
    batch.keys.forEach((key, i) => {
      const vectors = new Map(
        batch.vectors.map(({ field, values }) => {
          const dimension = values.length / batch.keys.length;
          return [field, values.slice(i * dimension, (i + 1) * dimension)] as const;
        }),
      );
      const metadata = batch.metadata[i];
      const name = `${place.tenant ?? ""}/${key}`;
      if (!this.records.has(name)) added++;
      this.records.set(name, { key, vectors, ...(metadata !== undefined && { metadata }) });
      this.sent.push(name);
    });
    this.onBatch(this.sent.length);
    return Promise.resolve({ added, replaced: batch.keys.length - added });
  }

  hash(): string {
    const hash = new ContentHash();
    for (const [name, record] of [...this.records].sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.add(name.slice(0, name.indexOf("/")), record);
    }
    return hash.finish();
  }
}

interface Run {
  readonly received: Received;
  readonly options?: SourceOptions;
  readonly signal?: AbortSignal;
  readonly checkpointPath?: string;
  readonly target?: string;
  readonly recordsMax?: number;
}

async function importFiles(names: readonly string[], run: Run): Promise<ImportReport> {
  const paths = names.map((name) => path.join(folder, name));
  const { sources, files } = await openSources(paths, run.options ?? OPTIONS);
  const identity: ImportIdentity = { files, target: run.target ?? "t", options: "" };
  const checkpoint = new Checkpoint(run.checkpointPath ?? `${paths[0] ?? ""}.note`, identity);
  const options: ImportOptions = {
    sources,
    target: run.received,
    placeOf: ({ tenant, collection = "c" }) => ({
      ...{ database: "d", collection },
      ...(tenant !== undefined && { tenant }),
    }),
    bounds: { recordsMax: run.recordsMax ?? 7, bytesMax: 1_000_000 },
    checkpoint,
    from: await checkpoint.read(),
    signal: run.signal ?? new AbortController().signal,
    onBatch: () => undefined,
  };
  return runImport(options);
}

function write(name: string, content: string | Uint8Array): void {
  writeFileSync(path.join(folder, name), content);
}

function line(key: string, more: object = {}): string {
  return JSON.stringify({ key, vector: [1, 2], ...more });
}

/** Rows of two numbers. */
function fvecs(count: number): Buffer {
  const bytes = Buffer.alloc(count * 12);
  for (let i = 0; i < count; i++) {
    bytes.writeInt32LE(2, i * 12);
    bytes.writeFloatLE(i, i * 12 + 4);
    bytes.writeFloatLE(-0, i * 12 + 8);
  }
  return bytes;
}

const RECORDS: readonly RecordView[] = [
  { key: "ä\n", vectors: new Map([["", Float32Array.of(1.1, -0)]]) },
  {
    key: "b",
    vectors: new Map([["", Float32Array.of(3e-42, 2)]]),
    metadata: {
      big: 18_446_744_073_709_551_615n,
      at: new Date(5),
      raw: Uint8Array.of(0, 255),
      list: [1, null, "x"],
      zero: -0,
    },
  },
  { key: "c", vectors: new Map([["", Float32Array.of(0, 1)]]), metadata: {} },
];

describe("what was exported comes back the same", () => {
  it.each([
    ["jsonl", (file: string) => openJsonlSink(file)],
    ["parquet", (file: string) => openParquetSink(file, { hasTenants: true, dimension: 2 })],
  ])("as %s, with tenants and typed metadata", async (ending, open) => {
    const sink = await open(path.join(folder, `x.${ending}`));
    const expected = new ContentHash();
    for (const tenant of ["acme", "zeta"]) {
      await sink.write(RECORDS.map((record) => ({ tenant, record })));
    }
    await sink.finish();
    const received = new Received();
    const report = await importFiles([`x.${ending}`], { received });
    expect(report).toMatchObject({ records: 6, added: 6, replaced: 0, isComplete: true });
    const keys = [...received.records.keys()].sort();
    for (const name of keys) {
      const [tenant = "", key = ""] = name.split("/");
      const record = RECORDS.find((candidate) => candidate.key === key);
      if (record !== undefined) expected.add(tenant, record);
    }
    expect(received.hash()).toBe(expected.finish());
    expect(received.records.get("acme/b")?.metadata?.["big"]).toBe(18_446_744_073_709_551_615n);
  });

  it.each(["npy", "fvecs"] as const)("as %s, with the keys beside it", async (format) => {
    const options = { format, field: "", dimension: 2 };
    const sink = await openMatrixSink(path.join(folder, `x.${format}`), options);
    const records = RECORDS.slice(1).map(({ key, vectors = new Map() }) => ({ key, vectors }));
    await sink.write(records.map((record) => ({ tenant: undefined, record })));
    await sink.finish();
    const received = new Received();
    await importFiles([`x.${format}`], { received });
    const expected = new ContentHash();
    for (const record of records) expected.add("", record);
    expect(received.hash()).toBe(expected.finish());
  });

  it("and leaves no file behind when it is given up", async () => {
    const sink = await openParquetSink(path.join(folder, "x.parquet"), {
      hasTenants: false,
      dimension: 2,
    });
    await sink.write([{ tenant: undefined, record: RECORDS[2] ?? { key: "" } }]);
    await sink.discard();
    await expect(openSources([path.join(folder, "x.parquet")], OPTIONS)).rejects.toThrow("read");
    expect(() => readFileSync(path.join(folder, "x.parquet.part"))).toThrow();
  });
});

describe("an import that is interrupted", () => {
  const cases = [
    ["jsonl", Array.from({ length: 40 }, (_, i) => line(`k${i}`)).join("\n\n")],
    ["fvecs", fvecs(40)],
  ] as const;

  it.each(cases)("goes on behind the last record sent (%s)", async (ending, content) => {
    write(`x.${ending}`, content);
    write(`y.${ending}`, content);
    const names = [`x.${ending}`, `y.${ending}`];
    const received = new Received();
    let runs = 0;
    for (let isComplete = false; !isComplete; runs++) {
      const controller = new AbortController();
      const before = received.sent.length;
      received.onBatch = (count) => {
        if (count - before >= 14) controller.abort();
      };
      const report = await importFiles(names, { received, signal: controller.signal });
      expect(report.before).toBe(before);
      expect(report.records).toBe(received.sent.length);
      ({ isComplete } = report);
    }
    expect(runs).toBeGreaterThan(3);
    expect(received.sent).toHaveLength(80);
    expect(() => readFileSync(path.join(folder, `x.${ending}.note`))).toThrow();
  });

  it("goes on within a Parquet file", async () => {
    const sink = await openParquetSink(path.join(folder, "x.parquet"), {
      hasTenants: false,
      dimension: 2,
    });
    const records = Array.from({ length: 30 }, (_, i) => ({
      tenant: undefined,
      record: { key: `k${i}`, vectors: new Map([["", Float32Array.of(i, 1)]]) },
    }));
    await sink.write(records);
    await sink.finish();
    const received = new Received();
    const controller = new AbortController();
    received.onBatch = () => controller.abort();
    await importFiles(["x.parquet"], { received, signal: controller.signal });
    expect(received.sent).toHaveLength(7);
    await importFiles(["x.parquet"], { received });
    expect(received.sent).toEqual(records.map(({ record }) => `/${record.key}`));
  });

  it("counts once what a second run replaces", async () => {
    write("x.jsonl", [line("a"), line("b"), line("a")].join("\n"));
    const received = new Received();
    const report = await importFiles(["x.jsonl"], { received });
    expect(report).toMatchObject({ records: 3, added: 2, replaced: 1, batches: 2 });
  });

  it("has two batches on the way, but never two with one key", async () => {
    write("x.jsonl", ["a", "b", "b", "c"].map((key) => line(key)).join("\n"));
    const received = new Received();
    const seen: string[][] = [];
    const onTheWay = new Set<string>();
    const upsert = received.upsert.bind(received);
    received.upsert = async (place, batch) => {
      for (const key of batch.keys) onTheWay.add(key);
      seen.push([...onTheWay]);
      await new Promise((resolve) => setImmediate(resolve));
      for (const key of batch.keys) onTheWay.delete(key);
      return upsert(place, batch);
    };
    await importFiles(["x.jsonl"], { received, recordsMax: 1 });
    expect(seen).toEqual([["a"], ["a", "b"], ["b"], ["b", "c"]]);
  });

  it("does not go on into another place, nor with another source", async () => {
    write("x.jsonl", [line("a"), "nonsense"].join("\n"));
    const received = new Received();
    await expect(importFiles(["x.jsonl"], { received, recordsMax: 1 })).rejects.toThrow("line 2");
    expect(received.sent).toEqual(["/a"]);
    await expect(importFiles(["x.jsonl"], { received, target: "other" })).rejects.toMatchObject({
      exitCode: 4,
    });
    utimesSync(path.join(folder, "x.jsonl"), 1, 1);
    await expect(importFiles(["x.jsonl"], { received })).rejects.toThrow("source was changed");
    write("x.jsonl.note", "{}");
    await expect(importFiles(["x.jsonl"], { received })).rejects.toThrow("no checkpoint");
  });
});

describe("what cannot be imported is refused with its place", () => {
  it.each([
    ["no JSON", "{", "line 1"],
    ["no object", "[1]", "expected an object"],
    ["no key", '{"vector":[1]}', "expected a member key"],
    ["no vector", '{"key":"a"}', "expected a member vector"],
    ["a vector of texts", '{"key":"a","vector":["1"]}', "expected numbers"],
    ["an infinite number", '{"key":"a","vector":[1e39]}', "no finite float32"],
    ["a key that is no text", '{"key":1.5,"vector":[1]}', "whole number"],
    ["a tenant that is no text", '{"key":"a","vector":[1],"tenant":7}', "the tenant"],
    ["metadata that is a list", '{"key":"a","vector":[1],"metadata":[]}', "metadata"],
    ["a member nobody knows", line("a", { colour: "red" }), '"colour"'],
    ["a wrong date", line("a", { metadata: { at: { $date: "x" } } }), "$date"],
  ])("%s", async (_, text, sentence) => {
    write("x.jsonl", text);
    await expect(importFiles(["x.jsonl"], { received: new Received() })).rejects.toThrow(sentence);
  });

  it("takes other members when it is told to", async () => {
    write("x.jsonl", line("a", { id: 7, colour: "red", size: 3 }));
    const names = { key: "id", metadata: ["colour", "key"], isLax: true };
    const received = new Received();
    await importFiles(["x.jsonl"], { received, options: { ...OPTIONS, names } });
    expect(received.records.get("/7")?.metadata).toEqual({ colour: "red", key: "a" });
  });

  it.each([
    ["x.fvecs", Buffer.concat([fvecs(3), Buffer.alloc(1)]), "no whole rows"],
    ["x.fvecs", Buffer.concat([fvecs(1), Buffer.alloc(12)]), "another dimension"],
    ["x.ivecs", Buffer.from([1, 0, 0, 0, 0, 0, 0, 0x7f]), "no exact float32"],
    ["x.npy", Buffer.from("not numpy at all"), "does not begin"],
    ["x.parquet", Buffer.from("PAR1 and then nothing"), "row 0"],
    ["x.txt", Buffer.from("a"), "Cannot tell the format"],
  ])("%s, number %#", async (name, bytes, sentence) => {
    write(name, bytes);
    await expect(importFiles([name], { received: new Received() })).rejects.toThrow(sentence);
  });

  it("rows without a key of their own", async () => {
    write("x.fvecs", fvecs(3));
    write("keys", "a\nb\n");
    const options = { ...OPTIONS, keysPath: path.join(folder, "keys") };
    await expect(importFiles(["x.fvecs"], { received: new Received(), options })).rejects.toThrow(
      "fewer keys",
    );
  });

  it("numbers rows across files, with a prefix", async () => {
    write("x.fvecs", fvecs(2));
    write("y.fvecs", fvecs(1));
    const received = new Received();
    await importFiles(["x.fvecs", "y.fvecs"], {
      received,
      options: { ...OPTIONS, keyPrefix: "r" },
    });
    expect(received.sent).toEqual(["/r0", "/r1", "/r2"]);
  });
});
