import { beforeEach, describe, expect, test } from "vitest";
import { InsulaError } from "../base/errors.ts";
import { ManualClock, MemoryFileSystem } from "../io/index.ts";
import { openAuditLog, refusalOf, type AuditLog, type Decision } from "./audit-log.ts";
import { AUDIT_LINES_WAITING_MAX, AUDIT_NAME_CHARS_MAX, AUDIT_OLD_FILES_MAX } from "./limits.ts";

const DECISION: Decision = {
  dialect: "oss",
  operation: "PutVectors",
  requestId: "R1",
  peer: "127.0.0.1",
  keyId: "INKEY",
  target: { database: "d", collection: "c" },
};

/** A disk that can be full. */
class Disk extends MemoryFileSystem {
  isFull = false;

  override async create(...parameters: Parameters<MemoryFileSystem["create"]>) {
    return this.#watch(await super.create(...parameters));
  }

  override async openWrite(path: string) {
    return this.#watch(await super.openWrite(path));
  }

  #watch(file: Awaited<ReturnType<MemoryFileSystem["create"]>>) {
    const write = file.write.bind(file);
    file.write = async (position, source) => {
      if (!this.isFull) return write(position, source);
      // Half a line reaches a disk that fills up.
      await write(position, source.subarray(0, 10));
      throw new InsulaError("disk_full", "Cannot write: the disk is full.");
    };
    return file;
  }
}

let files: Disk;
let clock: ManualClock;
let troubles: unknown[];

beforeEach(() => {
  files = new Disk();
  clock = new ManualClock();
  troubles = [];
});

function open(fileBytesMax?: number): Promise<AuditLog> {
  const onTrouble = (error: unknown): void => {
    troubles.push(error);
  };
  return openAuditLog({
    files,
    path: "audit.log",
    clock,
    onTrouble,
    ...(fileBytesMax === undefined ? {} : { fileBytesMax }),
  });
}

async function linesOf(path = "audit.log"): Promise<Record<string, unknown>[]> {
  const text = Buffer.from((await files.readWhole(path)) ?? []).toString();
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("the audit log", () => {
  test("holds one line of JSON a decision, allowed or refused", async () => {
    const log = await open();
    log.record(DECISION);
    log.record({ ...DECISION, keyId: undefined, target: {}, code: "credentials_unknown" });
    await log.close();
    const [allowed, refused] = await linesOf();
    expect(allowed).toEqual({
      time: new Date(clock.wallMs()).toISOString(),
      request: "R1",
      peer: "127.0.0.1",
      dialect: "oss",
      operation: "PutVectors",
      key: "INKEY",
      database: "d",
      collection: "c",
      decision: "allowed",
    });
    expect(refused).toMatchObject({ decision: "refused", code: "credentials_unknown" });
    expect(refused).not.toHaveProperty("key");
  });

  test("is continued after a restart, behind a line that was cut off", async () => {
    for (const requestId of ["first", "second"]) {
      const log = await open();
      log.record({ ...DECISION, requestId });
      await log.close();
    }
    expect((await linesOf()).map((line) => line["request"])).toEqual(["first", "second"]);

    await files.replaceWhole("audit.log", Buffer.from('{"half":'));
    const log = await open();
    log.record(DECISION);
    await log.close();
    const text = Buffer.from((await files.readWhole("audit.log")) ?? []).toString();
    expect(text.startsWith('{"half":\n{"time":')).toBe(true);
  });

  test("keeps names on one line and cuts what is too long", async () => {
    const log = await open();
    const long = "x".repeat(AUDIT_NAME_CHARS_MAX + 1);
    log.record({ ...DECISION, target: { database: 'a\n"b', collection: long } });
    await log.close();
    const [line] = await linesOf();
    expect(line).toMatchObject({
      database: 'a\n"b',
      collection: `${"x".repeat(AUDIT_NAME_CHARS_MAX)}…`,
    });
  });

  test("becomes an older file when it is full; the oldest goes", async () => {
    const log = await open(1);
    for (let i = 0; i < AUDIT_OLD_FILES_MAX + 3; i++) {
      log.record({ ...DECISION, requestId: String(i) });
      await settle();
    }
    await log.close();
    const last = AUDIT_OLD_FILES_MAX + 2;
    expect((await linesOf())[0]).toMatchObject({ request: String(last) });
    expect((await linesOf("audit.log.1"))[0]).toMatchObject({ request: String(last - 1) });
    const oldest = `audit.log.${String(AUDIT_OLD_FILES_MAX)}`;
    expect((await linesOf(oldest))[0]).toMatchObject({ request: "2" });
    expect(await files.exists(`audit.log.${String(AUDIT_OLD_FILES_MAX + 1)}`)).toBe(false);
  });

  test("loses lines on a full disk, tells it once, and says how many when there is room", async () => {
    const log = await open();
    files.isFull = true;
    log.record(DECISION);
    await settle();
    log.record(DECISION);
    log.record(DECISION);
    await wait();
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toMatchObject({ code: "disk_full" });
    files.isFull = false;
    await wait();
    log.record({ ...DECISION, requestId: "after" });
    await settle();
    await log.close();
    const text = Buffer.from((await files.readWhole("audit.log")) ?? []).toString();
    const whole = text.split("\n").filter((line) => line.endsWith("}"));
    expect(whole.map((line) => JSON.parse(line) as object)).toMatchObject([
      { decision: "lost", count: 3 },
      { request: "after" },
    ]);
  });

  test("holds no more lines than its bound while the disk does not answer", async () => {
    const log = await open();
    files.isFull = true;
    for (let i = 0; i < AUDIT_LINES_WAITING_MAX + 100; i++) log.record(DECISION);
    await settle();
    files.isFull = false;
    for (let i = 0; i < AUDIT_LINES_WAITING_MAX + 7; i++) log.record(DECISION);
    await wait();
    await log.close();
    const text = Buffer.from((await files.readWhole("audit.log")) ?? []).toString();
    const lost = /"decision":"lost","count":(\d+)/.exec(text)?.[1];
    const written = text.match(/"decision":"allowed"/g)?.length ?? 0;
    expect(written).toBe(AUDIT_LINES_WAITING_MAX);
    expect(Number(lost)).toBe(AUDIT_LINES_WAITING_MAX + 107);
  });
});

test("only who may not is refused: other failures were let in", () => {
  expect(refusalOf(new InsulaError("permission_denied", "x"))).toBe("permission_denied");
  expect(refusalOf(new InsulaError("collection_not_found", "x"))).toBeUndefined();
  expect(refusalOf(new TypeError("x"))).toBeUndefined();
});

/** Lets what needs no time happen. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

/** The time after which a failed write is tried again. */
async function wait(): Promise<void> {
  await settle();
  clock.advance(1_000);
  await settle();
}
