/** Every read of the engine's interface for one place, each answer as exact text. */
import type { Engine, ListRequest } from "../../src/engine/api.ts";
import type { Filter, Place, Query } from "../../src/model/index.ts";

/** A place whose answers must not change, and what is asked of it. */
export interface Observed {
  readonly place: Place;
  readonly fields: readonly { readonly name: string; readonly vector: Float32Array }[];
  readonly keys: readonly string[];
  readonly filters: readonly Filter[];
  /** Everything is in segments: how a query was carried out must not change either. */
  readonly isSettled: boolean;
}

/** Name of the question to the answer, bit for bit. */
export type Answers = ReadonlyMap<string, string>;

const ALL = { vectors: true, metadata: true };
const PARTS = 3;

export async function readAnswers(engine: Engine, observed: Observed): Promise<Answers> {
  const answers = new Map<string, string>();
  const ask = async (question: string, answer: Promise<unknown>): Promise<void> => {
    answers.set(question, exactText(await answer));
  };
  const { place, keys, filters } = observed;
  await ask("get", engine.get(place, keys, ALL));
  await ask("get keys only", engine.get(place, keys, { vectors: false, metadata: false }));
  await ask("count", engine.count(place));
  for (const [i, filter] of filters.entries()) {
    await ask(`count by filter ${String(i)}`, engine.count(place, filter));
    await ask(`list by filter ${String(i)}`, readPages(engine, place, { limit: 7, filter }));
  }
  await ask("list", readPages(engine, place, { limit: 1_000 }));
  await ask("list in small pages", readPages(engine, place, { limit: 3, bytesMax: 400 }));
  await ask("list by prefix", readPages(engine, place, { limit: 5, prefix: "k/" }));
  for (let index = 0; index < PARTS; index++) {
    const part = { count: PARTS, index };
    await ask(`list part ${String(index)}`, readPages(engine, place, { limit: 4, part }));
  }
  await askQueries(engine, observed, ask);
  await askNames(engine, place, ask);
  return answers;
}

async function askQueries(
  engine: Engine,
  { place, fields, filters, isSettled }: Observed,
  ask: (question: string, answer: Promise<unknown>) => Promise<void>,
): Promise<void> {
  for (const { name, vector } of fields) {
    const query = { field: name, vector, topK: 10, include: ALL };
    const run = async (more: Partial<Query>): Promise<unknown> => {
      const { hits, plan } = await engine.query(place, { ...query, ...more });
      return isSettled ? { hits, plan } : hits;
    };
    await ask(`query "${name}"`, run({}));
    await ask(`query "${name}" exactly`, run({ isExact: true }));
    for (const [i, filter] of filters.entries()) {
      await ask(`query "${name}" by filter ${String(i)}`, run({ filter }));
      await ask(`query "${name}" by filter ${String(i)} exactly`, run({ filter, isExact: true }));
    }
    // Whether a place was awake before is the node's affair, not an answer.
    const runMany = async (): Promise<unknown> => {
      const { hits, searched, failures } = await engine.queryMany([place, place], query);
      const reports = searched.map((report) => (isSettled ? report.plan : report.place));
      return { hits, reports, failures };
    };
    await ask(`query many "${name}"`, runMany());
  }
}

/** What is told of the names; siblings under the same names are not asked for. */
async function askNames(
  engine: Engine,
  { database, collection, tenant }: Place,
  ask: (question: string, answer: Promise<unknown>) => Promise<void>,
): Promise<void> {
  if (tenant !== undefined) {
    await ask("tenant", engine.getTenant({ database, collection, tenant }));
    const page = { limit: 1, prefix: tenant };
    await ask("list tenants", engine.listTenants(database, collection, page));
    return;
  }
  await ask("collection", engine.getCollection(database, collection));
  await ask("list collections", engine.listCollections(database, { limit: 1, prefix: collection }));
}

async function readPages(
  engine: Engine,
  place: Place,
  request: Omit<ListRequest, "include">,
): Promise<unknown> {
  const pages: unknown[] = [];
  for (let after: string | undefined; ;) {
    const start = after === undefined ? {} : { after };
    const page = await engine.list(place, { ...request, ...start, include: ALL });
    pages.push(page);
    after = page.items.at(-1)?.key;
    if (!page.hasMore) return pages;
  }
}

/** Two values have the same text only when they are the same to the last bit. */
export function exactText(value: unknown): string {
  return JSON.stringify(value, replaceExactly, 1);
}

function replaceExactly(this: unknown, _: string, value: unknown): unknown {
  if (value === undefined) return { undefined: true };
  if (typeof value === "bigint") return { bigint: String(value) };
  if (typeof value === "number") return Object.is(value, -0) ? { negativeZero: true } : value;
  if (value instanceof Map) return { map: [...value] as unknown };
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    const kind = value.constructor.name;
    return { [kind]: Buffer.from(buffer, byteOffset, byteLength).toString("hex") };
  }
  return value;
}
