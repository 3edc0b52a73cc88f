/**
 * Calls to one tenant in a form that histories are made of: what they do alone, and how they are
 * sent to an engine. A record is its version, which its metadata and its vector are made from.
 */
import type { Engine, WriteResult } from "../../src/engine/api.ts";
import { isInsulaError } from "../../src/base/errors.ts";
import type { Filter, Place, RecordPatch, RecordView } from "../../src/model/index.ts";
import type { Chance } from "../model/chance.ts";
import type { HistoryCall, HistoryModel } from "./history.ts";

export const CALL_DIMENSION = 4;
const KEYS = 12;
const GROUPS = 3;
/** More than there are keys: one page, one search sees all. */
const ALL = 100;

export type Versions = ReadonlyMap<string, number>;

export type TenantCall =
  | { readonly kind: "upsert" | "insert" | "update"; readonly versions: Versions }
  | { readonly kind: "delete" | "get"; readonly keys: readonly string[] }
  | { readonly kind: "deleteWhere" | "countWhere" | "searchWhere"; readonly group: number }
  | { readonly kind: "deleteAll" | "removeTenant" | "list" | "count" | "search" };

export function isWrite({ kind }: TenantCall): boolean {
  return [
    "upsert",
    "insert",
    "update",
    "delete",
    "deleteWhere",
    "deleteAll",
    "removeTenant",
  ].includes(kind);
}

/** One line for a report. */
export function printCall({ client, call, beganAt, end }: HistoryCall<TenantCall>): string {
  const text = JSON.stringify(call, (_, value: unknown) =>
    value instanceof Map ? Object.fromEntries(value) : value,
  );
  const times = `${String(beganAt)}–${String(end?.at)}`;
  return `  ${times} client ${String(client)}: ${text} → ${String(end?.answer)}`;
}

/** Versions are never used twice, so that an answer tells which write it saw. */
export class CallMaker {
  #version = 0;

  next(chance: Chance): TenantCall {
    const kind = chance.below(40);
    if (kind < 12) return { kind: "upsert", versions: this.#versions(chance) };
    if (kind < 14) return { kind: "insert", versions: this.#versions(chance) };
    if (kind < 16) return { kind: "update", versions: this.#versions(chance) };
    if (kind < 18) return { kind: "delete", keys: keysOf(chance) };
    if (kind < 20) return { kind: "deleteWhere", group: chance.below(GROUPS) };
    if (kind === 20) return { kind: "deleteAll" };
    if (kind === 21) return { kind: "removeTenant" };
    if (kind < 28) return { kind: "get", keys: keysOf(chance) };
    if (kind < 32) return { kind: "list" };
    if (kind < 34) return { kind: "count" };
    if (kind < 35) return { kind: "countWhere", group: chance.below(GROUPS) };
    if (kind < 38) return { kind: "search" };
    return { kind: "searchWhere", group: chance.below(GROUPS) };
  }

  #versions(chance: Chance): Versions {
    return new Map(keysOf(chance).map((key) => [key, ++this.#version]));
  }
}

function keysOf(chance: Chance): string[] {
  return chance.keys(chance.once(4) ? KEYS : 3, KEYS);
}

/** What the calls do one at a time. A missing tenant and an empty one answer alike. */
export const TENANT_MODEL: HistoryModel<Versions, TenantCall> = {
  initial: new Map(),
  print: printVersions,
  run: (state, call) => {
    const after = new Map(state);
    switch (call.kind) {
      case "insert":
        if ([...call.versions.keys()].some((key) => state.has(key))) {
          return { after: state, answers: ["record_exists"] };
        }
        break;
      case "upsert":
        break;
      case "update": {
        const found = [...call.versions].filter(([key]) => state.has(key));
        for (const [key, version] of found) after.set(key, version);
        return { after, answers: [printResult(0, found.length)] };
      }
      case "removeTenant":
        return { after: new Map(), answers: state.size === 0 ? ["gone", "none"] : ["gone"] };
      case "delete":
        for (const key of call.keys) after.delete(key);
        return { after, answers: [printResult(after.size - state.size, state.size - after.size)] };
      case "deleteWhere":
        for (const [key, version] of state) if (groupOf(version) === call.group) after.delete(key);
        return { after, answers: [printResult(after.size - state.size, state.size - after.size)] };
      case "deleteAll":
        return { after: new Map(), answers: [printResult(-state.size, state.size)] };
      default:
        return { after: state, answers: [readFrom(state, call)] };
    }
    const replaced = [...call.versions.keys()].filter((key) => state.has(key)).length;
    for (const [key, version] of call.versions) after.set(key, version);
    return { after, answers: [printResult(after.size - state.size, replaced)] };
  },
};

function readFrom(state: Versions, call: TenantCall): string {
  const inGroup = (group: number): Versions =>
    new Map([...state].filter(([, version]) => groupOf(version) === group));
  switch (call.kind) {
    case "get":
      return call.keys.map((key) => String(state.get(key))).join();
    case "count":
      return String(state.size);
    case "countWhere":
      return String(inGroup(call.group).size);
    case "searchWhere":
      return printVersions(inGroup(call.group));
    default:
      return printVersions(state);
  }
}

function groupOf(version: number): number {
  return version % GROUPS;
}

function printVersions(versions: Versions): string {
  return [...versions]
    .map(([key, version]) => `${key}=${String(version)}`)
    .sort()
    .join();
}

function printResult(added: number, replaced: number): string {
  return `${String(added)} added, ${String(replaced)} replaced`;
}

function printWrite({ rowsAdded, rowsReplaced }: WriteResult): string {
  return printResult(rowsAdded, rowsReplaced);
}

/**
 * Sends one call.
 *
 * @returns its answer, undefined when it was refused and surely not done.
 * @throws what the engine throws else.
 */
export async function sendCall(
  engine: Engine,
  place: Place & { readonly tenant: string },
  call: TenantCall,
): Promise<string | undefined> {
  try {
    return await sendPlain(engine, place, call);
  } catch (error) {
    if (!isInsulaError(error)) throw error;
    if (error.code === "record_exists" && call.kind === "insert") return error.code;
    // Merges are behind: refused before anything was done.
    if (error.code === "rate_exceeded") return undefined;
    if (error.code === "tenant_not_found") return call.kind === "removeTenant" ? "none" : undefined;
    throw error;
  }
}

async function sendPlain(
  engine: Engine,
  place: Place & { readonly tenant: string },
  call: TenantCall,
): Promise<string> {
  const include = { vectors: true, metadata: true };
  switch (call.kind) {
    case "upsert":
      return printWrite(await engine.upsert(place, batchOf(call.versions)));
    case "insert":
      return printWrite(await engine.insert(place, batchOf(call.versions)));
    case "update":
      return printWrite(await engine.update(place, patchesOf(call.versions)));
    case "delete":
      return printWrite(await engine.delete(place, call.keys));
    case "deleteWhere":
      return printWrite(await engine.deleteWhere(place, filterOf(call.group)));
    case "deleteAll":
      return printWrite(await engine.deleteAll(place));
    case "removeTenant":
      await engine.deleteTenant(place);
      return "gone";
    case "get":
      return (await engine.get(place, call.keys, include))
        .map((record) => String(record && versionOf(record)))
        .join();
    case "count":
      return String(await engine.count(place));
    case "countWhere":
      return String(await engine.count(place, filterOf(call.group)));
    case "list":
      return printRecords((await engine.list(place, { limit: ALL, include })).items);
    case "search":
      return search(engine, place, undefined);
    case "searchWhere":
      return search(engine, place, filterOf(call.group));
  }
}

async function search(engine: Engine, place: Place, filter: Filter | undefined): Promise<string> {
  const query = {
    field: "",
    vector: new Float32Array(CALL_DIMENSION).fill(1),
    topK: ALL,
    include: { vectors: true, metadata: true },
    ...(filter === undefined ? {} : { filter }),
  };
  return printRecords((await engine.query(place, query)).hits);
}

function filterOf(group: number): Filter {
  return { kind: "equal", property: "group", value: group };
}

function batchOf(versions: Versions): Parameters<Engine["upsert"]>[1] {
  const values = new Float32Array(versions.size * CALL_DIMENSION);
  [...versions.values()].forEach((version, i) => {
    values.set(vectorOf(version), i * CALL_DIMENSION);
  });
  return {
    keys: [...versions.keys()],
    vectors: [{ field: "", values }],
    metadata: [...versions.values()].map((version) => ({
      version,
      group: groupOf(version),
      text: "x".repeat((version * 37) % 500),
    })),
  };
}

function patchesOf(versions: Versions): RecordPatch[] {
  return [...versions].map(([key, version]) => ({
    key,
    vectors: new Map([["", vectorOf(version)]]),
    metadata: { version, group: groupOf(version) },
  }));
}

function vectorOf(version: number): Float32Array {
  return Float32Array.from({ length: CALL_DIMENSION }, (_, i) => version + i / 4);
}

/** @throws when vector and metadata are not of the same write. */
function versionOf({ key, metadata, vectors }: RecordView): number {
  const version = metadata?.["version"];
  const vector = vectors?.get("");
  if (typeof version !== "number" || vector?.join() !== vectorOf(version).join()) {
    throw new Error(`record ${key} is mixed: its vector is ${String(vector)}`);
  }
  return version;
}

function printRecords(records: readonly RecordView[]): string {
  return printVersions(new Map(records.map((record) => [record.key, versionOf(record)])));
}
