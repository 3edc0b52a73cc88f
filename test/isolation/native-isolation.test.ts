/**
 * The same over our own interface: every read of a collection and of a tenant answers the same
 * bytes before and after writes to other tenants, collections and databases.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Chance } from "../support/chance.ts";
import { CREDENTIALS, ServerChild } from "../support/server-child.ts";

const SEED = Number(process.env["INSULA_SEED"] ?? 1);
const WRITES = 2_000;
const LANES = 4;
const DIMENSION = 12;
const KEYS = 80;
/** Read before and after; everything else is written to. */
const MINE = [
  "databases/mine/collections/watched",
  "databases/mine/collections/shared/tenants/watched",
];
const SOURCES = ["--import", "tsx", path.resolve("src/cli/main.ts")];

interface Answer {
  readonly status: number;
  readonly text: string;
}

let server: ServerChild;
const dataDir = mkdtempSync(path.join(tmpdir(), "insula-isolation-"));

beforeAll(async () => {
  server = await ServerChild.start({ dataDir, port: 0, program: SOURCES });
});
afterAll(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true });
});

async function ask(method: string, target: string, body?: object): Promise<Answer> {
  const answer = await fetch(new URL(`/insula/v1/${target}`, server.url), {
    method,
    headers: { authorization: `Bearer ${CREDENTIALS.secret}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}

async function done(answer: Promise<Answer>): Promise<void> {
  const { status, text } = await answer;
  expect([200, 201], text).toContain(status);
}

function floats(chance: Chance): number[] {
  return Array.from({ length: DIMENSION }, () => Math.fround(chance.fraction() * 2 - 1));
}

function someRecords(chance: Chance, count: number): unknown[] {
  const keys = new Set(Array.from({ length: count }, () => `k${chance.between(0, KEYS - 1)}`));
  return [...keys].map((key) => ({
    key,
    vector: floats(chance),
    metadata: { color: chance.pick(["red", "green", "blue"]), size: chance.between(0, 9) },
  }));
}

/** Every read of one place by name, with its whole answer. */
async function readPlace(place: string, chance: Chance): Promise<Map<string, string>> {
  const answers = new Map<string, string>();
  const note = async (name: string, answer: Promise<Answer>): Promise<string> => {
    const { status, text } = await answer;
    expect(status, `${name}: ${text}`).toBe(200);
    answers.set(name, text);
    return text;
  };
  const include = { vectors: true, metadata: true };
  await note("info", ask("GET", place));
  if (!place.includes("/tenants/")) await note("usage", ask("GET", `${place}/usage`));
  const records = `${place}/records`;
  const keys = ["k1", "k2", "k3", "nobody"];
  await note("get", ask("POST", `${records}/get`, { keys, include }));
  await note("count", ask("POST", `${records}/count`, {}));
  let after: string | undefined;
  for (let page = 0; page === 0 || after !== undefined; page++) {
    const body = { limit: 20, include, ...(after && { after }) };
    const text = await note(`list ${String(page)}`, ask("POST", `${records}/list`, body));
    const { items, hasMore } = JSON.parse(text) as { items: { key: string }[]; hasMore: boolean };
    after = hasMore ? items.at(-1)?.key : undefined;
  }
  const filters = [
    undefined,
    { color: "red" },
    { size: { $gte: 5 } },
    { color: { $in: ["blue"] }, size: { $lt: 5 } },
  ];
  for (const [i, filter] of filters.entries()) {
    const given = filter === undefined ? {} : { filter };
    await note(`count ${String(i)}`, ask("POST", `${records}/count`, given));
    for (const exact of [false, true]) {
      const body = { vector: floats(chance), topK: 10, include, exact, ...given };
      const text = await note(
        `search ${String(i)} ${String(exact)}`,
        ask("POST", `${records}/search`, body),
      );
      expect((JSON.parse(text) as { hits: unknown[] }).hits.length).toBeGreaterThan(0);
    }
  }
  return answers;
}

async function readAll(): Promise<Map<string, string>> {
  const answers = new Map<string, string>();
  for (const place of MINE) {
    for (const [name, answer] of await readPlace(place, new Chance(SEED + 1))) {
      answers.set(`${place} ${name}`, answer);
    }
  }
  const listed = ["databases?prefix=mine", "databases/mine/collections?prefix=watched"];
  for (const target of [...listed, "databases/mine/collections/shared/tenants?prefix=watched"]) {
    const { status, text } = await ask("GET", target);
    expect(status, text).toBe(200);
    // How many collections a database has is known to who may list it, and changes.
    answers.set(target, text.replace(/"collectionCount":\d+/, ""));
  }
  return answers;
}

async function disturb(chance: Chance, lane: number): Promise<void> {
  const database = chance.pick(["mine", "mine", "other"]);
  const collections = `databases/${database}/collections`;
  const tenant = `t${String(lane)}x${String(chance.between(0, 2))}`;
  const own = `lane${String(lane)}`;
  const places = [`${collections}/shared/tenants/${tenant}`, `${collections}/${own}`];
  const place = chance.pick(places);
  const records = `${place}/records`;
  const kind = chance.between(0, 19);
  let answer: Answer;
  if (kind < 12) {
    answer = await ask("POST", `${records}/upsert`, { records: someRecords(chance, 8) });
  } else if (kind < 14) {
    const keys = Array.from({ length: 4 }, (_, i) => `k${String(chance.between(0, 19) + 20 * i)}`);
    answer = await ask("POST", `${records}/delete`, { keys });
  } else if (kind === 14) {
    answer = await ask("POST", `${records}/delete`, { filter: { color: "red" } });
  } else if (kind === 15) {
    answer = await ask("POST", `${records}/delete`, { all: true });
  } else if (kind === 16) {
    answer = await ask("DELETE", place);
  } else {
    answer = await ask("POST", collections, { name: own, dimension: DIMENSION });
  }
  expect([200, 201, 204, 404, 409], answer.text).toContain(answer.status);
}

it("no answer of a read changes by the writes of neighbours", async () => {
  const chance = new Chance(SEED);
  for (const name of ["mine", "other"]) {
    await done(ask("POST", "databases", { name }));
    const shared = { name: "shared", dimension: DIMENSION, tenancy: "multi" };
    await done(ask("POST", `databases/${name}/collections`, shared));
  }
  const watched = { name: "watched", dimension: DIMENSION, metric: "euclidean" };
  await done(ask("POST", "databases/mine/collections", watched));
  for (const place of MINE) {
    for (let i = 0; i < 6; i++) {
      const records = someRecords(chance, 30);
      await done(ask("POST", `${place}/records/upsert`, { records }));
    }
  }
  await readAll();
  const before = await readAll();
  let left = WRITES;
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      const own = new Chance(SEED * 100 + lane);
      while (left-- > 0) await disturb(own, lane);
    }),
  );
  const after = await readAll();
  for (const [name, answer] of before) {
    expect(after.get(name), `seed ${String(SEED)}: ${name}`).toBe(answer);
  }
  expect(after.size).toBe(before.size);
});
