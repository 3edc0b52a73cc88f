/**
 * Keys that are bound to a namespace, to an index, to a project or to a class of rights: each call
 * about backups and restores, on what is their own, on another's and on what is not there.
 *
 * A backup holds every namespace of its index, so a key for some of them has no right to it. What
 * is another's and what is not there are answered alike.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PineconeCaller, type PineconeReply } from "../support/pinecone-caller.ts";
import { ServerChild } from "../support/server-child.ts";

const SOURCES = ["--import", "tsx", path.resolve("src/cli/main.ts")];
const DATABASE = "house";
/** Stands in the names of all backups and of what is made of them. */
const CANARY = "canary";
const NOBODYS = "01890000-0000-7000-8000-000000000000";
const folder = mkdtempSync(path.join(tmpdir(), "insula-pinecone-backups-"));
let server: ServerChild;
let admin: PineconeCaller;
let rooms: Target;
let other: Target;
const missing: Target = { index: "orher", backup: NOBODYS, job: NOBODYS };

/** An index, a backup of it, and the restore that made another index of that. */
interface Target {
  readonly index: string;
  readonly backup: string;
  readonly job: string;
}

beforeAll(async () => {
  server = await ServerChild.start({
    dataDir: path.join(folder, "data"),
    port: 0,
    program: SOURCES,
    variables: { INSULA_BACKUP_STORE: path.join(folder, "store") },
  });
  admin = await PineconeCaller.withGrant(server.url, { actions: ["*"], databases: [DATABASE] });
  rooms = await makeTarget("rooms");
  other = await makeTarget("other");
});
afterAll(async () => {
  admin.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

async function makeTarget(index: string): Promise<Target> {
  const spec = { serverless: { cloud: "aws", region: "eu-west-1" } };
  const made = await admin.http("POST /indexes", { name: index, dimension: 2, spec });
  expect(made.status, made.text).toBe(201);
  const vectors = [{ id: "known", values: [1, 0] }];
  await admin.http(`POST /ix/${index}/vectors/upsert`, { namespace: "t1", vectors });
  const begun = await admin.http(`POST /indexes/${index}/backups`, { name: `${CANARY}-${index}` });
  const backup = memberOf(begun, "backup_id");
  await settled(`/backups/${backup}`, "Ready");
  const restored = await admin.http(`POST /backups/${backup}/create-index`, {
    name: `${CANARY}-of-${index}`,
  });
  const job = memberOf(restored, "restore_job_id");
  await settled(`/restore-jobs/${job}`, "Completed");
  return { index, backup, job };
}

const memberOf = ({ text }: PineconeReply, name: string): string =>
  String((JSON.parse(text) as Record<string, unknown>)[name]);

async function settled(line: string, status: string): Promise<void> {
  const underWay = ["Initializing", "InProgress"];
  let found: string;
  do found = memberOf(await admin.http(`GET ${line}`), "status");
  while (underWay.includes(found));
  expect(found).toBe(status);
}

interface Operation {
  readonly name: string;
  readonly line: (target: Target) => readonly [line: string, body?: object];
  /** Of a call that is let. */
  readonly done: number;
}

/** In an order in which each finds what it needs: what is deleted is deleted last. */
const OPERATIONS: readonly Operation[] = [
  {
    ...{ name: "CreateBackup", done: 200 },
    line: ({ index }) => [`POST /indexes/${index}/backups`, { name: "of a test" }],
  },
  {
    ...{ name: "ListBackups of an index", done: 200 },
    line: ({ index }) => [`GET /indexes/${index}/backups`],
  },
  { ...{ name: "ListBackups", done: 200 }, line: () => ["GET /backups"] },
  {
    ...{ name: "DescribeBackup", done: 200 },
    line: ({ backup }) => [`GET /backups/${backup}`],
  },
  {
    ...{ name: "CreateIndexFromBackup", done: 202 },
    line: ({ backup }) => [`POST /backups/${backup}/create-index`, { name: "copy" }],
  },
  { ...{ name: "ListRestoreJobs", done: 200 }, line: () => ["GET /restore-jobs"] },
  {
    ...{ name: "DescribeRestoreJob", done: 200 },
    line: ({ job }) => [`GET /restore-jobs/${job}`],
  },
  {
    ...{ name: "DeleteBackup", done: 202 },
    line: ({ backup }) => [`DELETE /backups/${backup}`],
  },
];

function ask(caller: PineconeCaller, { line }: Operation, target: Target): Promise<PineconeReply> {
  const [first, body] = line(target);
  return caller.http(first, body as never);
}

/** Backups, restores and indexes, as who may see everything sees them. */
async function everything(): Promise<string> {
  const lists = ["GET /backups?limit=100", "GET /restore-jobs?limit=100", "GET /indexes"];
  const answers = await Promise.all(lists.map((line) => admin.http(line)));
  return answers.map(({ text }) => text).join("\n");
}

/** Without what the caller has said itself. */
function said({ status, text }: PineconeReply, target: Target): string {
  const words = [target.backup, target.job, target.index];
  return words.reduce((left, word) => left.replaceAll(word, "IT"), `${String(status)} ${text}`);
}

const AT = { actions: ["*"], databases: [DATABASE] };
const STRANGERS = [
  { key: "bound to one namespace", grant: { ...AT, collections: ["rooms"], tenants: ["t1"] } },
  { key: "bound to a prefix", grant: { ...AT, collections: ["rooms"], tenants: ["t*"] } },
  { key: "bound to all namespaces", grant: { ...AT, collections: ["rooms"], tenants: ["*"] } },
  { key: "bound to an index without a backup", grant: { ...AT, collections: ["lobby"] } },
  { key: "of another project", grant: { actions: ["*"], databases: ["elsewhere"] } },
  { key: "that may read", grant: { ...AT, actions: ["read"] } },
  { key: "that may write", grant: { ...AT, actions: ["write"] } },
  { key: "that may read and write", grant: { ...AT, actions: ["read", "write"] } },
  {
    key: "that may do all to records",
    grant: { ...AT, actions: ["records:*"], collections: ["rooms"] },
  },
];

describe.each(STRANGERS)("a key $key", ({ grant }) => {
  let caller: PineconeCaller;
  let before: string;
  beforeAll(async () => {
    caller = await PineconeCaller.withGrant(server.url, grant);
    before = await everything();
  });
  afterAll(() => {
    caller.close();
  });

  it.each(OPERATIONS)("learns nothing by $name", async (operation) => {
    const absent = said(await ask(caller, operation, missing), missing);
    for (const target of [rooms, other]) {
      const answer = await ask(caller, operation, target);
      expect(answer.text).not.toContain(CANARY);
      if (answer.status === 200) expect(JSON.parse(answer.text)).toEqual({ data: [] });
      else expect([403, 404], answer.text).toContain(answer.status);
      expect(said(answer, target)).toBe(absent);
    }
  });

  it("has changed nothing by all that", async () => {
    expect(await everything()).toBe(before);
  });
});

describe("a key bound to an index", () => {
  it.each(OPERATIONS)(
    "does $name with its own, and with another's as if it were not there",
    async (operation) => {
      const own = await makeTarget(`own-${String(OPERATIONS.indexOf(operation))}`);
      const collections = [own.index, `${CANARY}-of-${own.index}`, "copy"];
      const caller = await PineconeCaller.withGrant(server.url, { ...AT, collections });
      const answer = await ask(caller, operation, own);
      expect(answer.status, answer.text).toBe(operation.done);
      for (const word of [rooms, other].flatMap(({ index, backup, job }) => [
        `${CANARY}-${index}`,
        `${CANARY}-of-${index}`,
        ...[backup, job],
      ])) {
        expect(answer.text).not.toContain(word);
      }
      if (!["ListBackups", "ListRestoreJobs"].includes(operation.name)) {
        const others = await ask(caller, operation, other);
        expect([403, 404], others.text).toContain(others.status);
        expect(said(others, other)).toBe(said(await ask(caller, operation, missing), missing));
      }
      caller.close();
    },
  );

  it("makes of its backup no index that it has no right to, there or not", async () => {
    const caller = await PineconeCaller.withGrant(server.url, { ...AT, collections: ["rooms"] });
    const answers: PineconeReply[] = [];
    for (const name of ["other", "orher"]) {
      answers.push(await caller.http(`POST /backups/${rooms.backup}/create-index`, { name }));
    }
    expect(answers.map(({ status }) => status)).toEqual([403, 403]);
    expect(answers[0]?.text).toBe(answers[1]?.text);
    caller.close();
  });
});
