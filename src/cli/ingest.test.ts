import { describe, expect, it } from "vitest";
import { createBuiltInEmbedder } from "../embed/index.ts";
import type { Metadata } from "../model/index.ts";
import { ingest, type IngestReport } from "./ingest.ts";
import type { SessionRecords } from "./session.ts";
import { fromText, type TextSource } from "./text-sources.ts";

const PLACE = { database: "d", collection: "c" };

/** A place for records that can be told to fail after some writes. */
class RecordMap implements Pick<SessionRecords, "get" | "upsert" | "delete"> {
  readonly rows = new Map<string, Metadata | undefined>();
  readonly batches: number[] = [];
  writesLeft = Number.POSITIVE_INFINITY;

  upsert(
    _: unknown,
    batch: Parameters<SessionRecords["upsert"]>[1],
  ): ReturnType<SessionRecords["upsert"]> {
    if (this.writesLeft-- <= 0) return Promise.reject(new Error("cut short"));
    this.batches.push(batch.keys.length);
    batch.keys.forEach((key, i) => this.rows.set(key, batch.metadata[i]));
    return Promise.resolve({ rowsAdded: batch.keys.length, rowsReplaced: 0 });
  }

  delete(_: unknown, keys: readonly string[]): Promise<void> {
    for (const key of keys) this.rows.delete(key);
    return Promise.resolve();
  }

  get(_: unknown, keys: readonly string[]): ReturnType<SessionRecords["get"]> {
    return Promise.resolve(
      keys.map((key) => {
        const metadata = this.rows.get(key);
        return metadata === undefined ? undefined : { key, metadata };
      }),
    );
  }
}

function run(
  records: RecordMap,
  sources: readonly TextSource[],
  isForced = false,
): Promise<IngestReport> {
  return ingest(sources, {
    records,
    place: PLACE,
    embedder: createBuiltInEmbedder({ dimension: 8 }),
    chunks: { size: 50, overlap: 0 },
    metadata: { team: "a" },
    isForced,
    onSource: () => undefined,
  });
}

/** `count` lines of 40 characters: one chunk each. */
function linesOf(count: number, letter = "a"): string {
  return Array.from({ length: count }, (_, i) => `${String(i)} ${letter}`.padEnd(39, letter)).join(
    "\n",
  );
}

describe("ingest", () => {
  it("writes one record for a short text, under its own key", async () => {
    const records = new RecordMap();
    expect(await run(records, [fromText("hello", "k")])).toMatchObject({
      written: 1,
      records: 1,
      unchanged: 0,
    });
    expect([...records.rows.keys()]).toEqual(["k"]);
    expect(records.rows.get("k")).toMatchObject({ team: "a", part: 0, parts: 1, text: "hello" });
  });

  it("skips on the second run what has not changed", async () => {
    const records = new RecordMap();
    const sources = [fromText(linesOf(3), "a"), fromText("short", "b")];
    await run(records, sources);
    expect(await run(records, sources)).toMatchObject({
      texts: 2,
      written: 0,
      unchanged: 2,
      records: 0,
    });
    expect(await run(records, sources, true)).toMatchObject({
      written: 2,
      unchanged: 0,
      records: 4,
    });
  });

  it("replaces the chunks of a changed text and removes surplus ones", async () => {
    const records = new RecordMap();
    await run(records, [fromText(linesOf(5), "a")]);
    expect([...records.rows.keys()].sort()).toEqual(["a", "a#1", "a#2", "a#3", "a#4"]);
    expect(await run(records, [fromText(linesOf(2, "b"), "a")])).toMatchObject({
      removed: 3,
      records: 2,
    });
    expect([...records.rows.keys()].sort()).toEqual(["a", "a#1"]);
    expect(records.rows.get("a#1")?.["text"]).toContain("b");
  });

  it("does a text again whose first run was cut short", async () => {
    const records = new RecordMap();
    records.writesLeft = 1;
    const long = fromText(linesOf(700), "long");
    await expect(run(records, [long])).rejects.toThrow("cut short");
    expect(records.rows.size).toBe(500);
    expect(records.rows.has("long")).toBe(false);
    records.writesLeft = Number.POSITIVE_INFINITY;
    expect(await run(records, [long])).toMatchObject({ written: 1, unchanged: 0, records: 700 });
    expect(records.rows.size).toBe(700);
  });

  it("never sends more than 500 records in a call", async () => {
    const records = new RecordMap();
    await run(
      records,
      Array.from({ length: 1_201 }, (_, i) => fromText(`text ${String(i)}`, `k${String(i)}`)),
    );
    expect(records.batches).toEqual([500, 500, 201]);
  });

  it("tells what it left out, and why", async () => {
    const picture: TextSource = {
      key: "p.png",
      source: "p.png",
      read: () => Promise.resolve({ skipped: "not UTF-8 text" }),
    };
    const report = await run(new RecordMap(), [picture, fromText("x", "a#1")]);
    expect(report.skipped).toEqual([
      { source: "p.png", reason: "not UTF-8 text" },
      { source: "a#1", reason: "its name ends like the key of a chunk" },
    ]);
    expect(report).toMatchObject({ texts: 2, written: 0, records: 0 });
  });
});
