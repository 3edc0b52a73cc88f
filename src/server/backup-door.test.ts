import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openEngine, type Engine } from "../engine/index.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { openBackupDoor } from "./backup-door.ts";

const DOORS = { clock: new ManualClock(), random: new SeededRandom(2) };

let folder: string;
let engine: Engine;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "insula-door-"));
  const random = new SeededRandom(1);
  engine = await openEngine({ files: new MemoryFileSystem(), ...DOORS, random, workerCount: 0 });
  await engine.createDatabase("db");
});

afterEach(async () => {
  await engine.close();
  rmSync(folder, { recursive: true });
});

it("makes the folder at the first backup, lists it, and restores from it", async () => {
  const store = join(folder, "not", "there yet");
  const door = openBackupDoor(store, engine, DOORS);
  await expect(door.list()).rejects.toMatchObject({ code: "backup_not_found" });
  await expect(door.restore({})).rejects.toMatchObject({ code: "backup_not_found" });
  expect(readdirSync(folder)).toEqual([]);
  const { id } = await door.backup({});
  expect(await door.list()).toMatchObject([{ id, databases: 1 }]);
  await expect(door.restore({ database: "db" })).rejects.toMatchObject({ code: "database_exists" });
  const back = await door.restore({ database: "db", as: { database: "back" } });
  expect(back).toMatchObject({ backup: id, databases: 1 });
  expect(await engine.getDatabase("back")).toMatchObject({ name: "back" });
});

it("knows its store by the whole path, and refuses what is no store", async () => {
  expect(openBackupDoor("backups", engine, DOORS).target).toBe(join(process.cwd(), "backups"));
  expect(openBackupDoor("s3://b/p", engine, DOORS).target).toBe("s3://b/p");
  for (const setting of ["ftp://host/x", "s3://A_B/x"]) {
    const door = openBackupDoor(setting, engine, DOORS);
    await expect(door.backup({})).rejects.toMatchObject({ code: "setting_invalid" });
  }
});

it("removes nothing while a copy is under way, which finds what it has named", async () => {
  const store = join(folder, "store");
  const door = openBackupDoor(store, engine, DOORS);
  const first = await door.backup({});
  const [second] = await Promise.all([door.backup({}), door.remove(first.id)]);
  expect(await door.list()).toMatchObject([{ id: second.id }]);
  const [back] = await Promise.all([
    door.restore({ database: "db", as: { database: "back" } }),
    door.remove(second.id),
  ]);
  expect(back).toMatchObject({ databases: 1 });
  expect(await door.list()).toEqual([]);
});
