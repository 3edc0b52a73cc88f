/**
 * The parts of a shard against each other, without a model: what a scan finds is what keys, counts,
 * inverted properties and vector searches find, no more and no less.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { TOP_K_MAX } from "../../src/base/limits.ts";
import type { Engine } from "../../src/engine/api.ts";
import {
  compareStrings,
  matchesFilter,
  type Filter,
  type MetadataValue,
  type Place,
  type RecordView,
  type Schema,
} from "../../src/model/index.ts";
import { readAll } from "./world.ts";

/** Filters of one property at most. */
const VALUES_MAX = 6;
const PAGE = 1_000;

/** @returns the records of the scan. @throws what disagrees */
export async function checkAgreement(
  engine: Engine,
  place: Place,
  schema: Schema,
): Promise<readonly RecordView[]> {
  const records = await readAll(engine, place, PAGE);
  strictEqual(await engine.count(place), records.length, "count without a filter");
  const keys = records.map(({ key }) => key);
  const include = { vectors: true, metadata: true };
  if (keys.length > 0) {
    deepStrictEqual(await engine.get(place, keys, include), records, "records by key");
  }
  for (const filter of filtersOf(records)) {
    const matching = records.filter(({ metadata }) => matchesFilter(filter, metadata));
    const name = `filter ${JSON.stringify(filter, printBigint)}`;
    strictEqual(await engine.count(place, filter), matching.length, `count by ${name}`);
    const page = await engine.list(place, { limit: PAGE, include, filter });
    deepStrictEqual(page.items, matching.slice(0, PAGE), `listing by ${name}`);
  }
  await checkVectors(engine, place, schema, records);
  return records;
}

/** With room for all, every search must find all; the record whose vector is asked is nearest. */
async function checkVectors(
  engine: Engine,
  place: Place,
  schema: Schema,
  records: readonly RecordView[],
): Promise<void> {
  const sorted = records.map(({ key }) => key).sort(compareStrings);
  if (sorted.length === 0 || sorted.length > TOP_K_MAX) return;
  for (const { name, metric } of schema.vectors) {
    for (const [i, record] of records.entries()) {
      if (i % Math.ceil(records.length / 3) !== 0) continue;
      const vector = record.vectors?.get(name);
      if (vector === undefined) throw new Error("a record has every vector of its schema");
      const query = { field: name, vector, topK: records.length };
      for (const isExact of [true, false]) {
        const include = { vectors: false, metadata: false };
        const { hits } = await engine.query(place, { ...query, isExact, include });
        const found = hits.map(({ key }) => key).sort(compareStrings);
        deepStrictEqual(found, sorted, `keys by vector "${name}"`);
        if (metric === "euclidean") strictEqual(hits[0]?.distance, 0, "distance to itself");
      }
    }
  }
}

function filtersOf(records: readonly RecordView[]): Filter[] {
  const values = new Map<string, Set<MetadataValue>>();
  for (const { metadata } of records) {
    for (const [property, value] of Object.entries(metadata ?? {})) {
      if (typeof value === "object") continue;
      const known = values.get(property) ?? new Set();
      if (known.size < VALUES_MAX) known.add(value);
      values.set(property, known);
    }
  }
  return [...values].flatMap(([property, some]) => [
    { kind: "exists", property } as const,
    ...[...some].flatMap((value) =>
      typeof value === "object" ? [] : [{ kind: "equal", property, value } as const],
    ),
  ]);
}

function printBigint(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
