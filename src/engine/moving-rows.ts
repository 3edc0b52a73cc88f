/**
 * Rows of shards on their way to the object store, back, and of those that are there.
 * ON DISK: docs/formats/catalogue.md; each row starts with its version.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { otherFormat } from "../base/format-version.ts";
import { TENANT_STATES, type RequestedState } from "../model/index.ts";

const ROW_VERSION = 1;

/** Of a tenant that is OFFLOADING or ONLOADING: a start goes on with it. */
export interface MovingRow {
  readonly database: string;
  readonly collection: string;
  readonly tenant: string;
  /** What it was before, and is again when this fails. */
  readonly before: RequestedState;
  /** What it is to become. */
  readonly goal: RequestedState;
  /** Of the objects that an offload makes; empty else. */
  readonly prefix: string;
}

export function encodeMoving(row: MovingRow): Buffer {
  const writer = new ByteWriter(128).uint8(ROW_VERSION).string(row.database);
  writer.string(row.collection).string(row.tenant);
  writer.uint8(TENANT_STATES.indexOf(row.before)).uint8(TENANT_STATES.indexOf(row.goal));
  return writer.string(row.prefix).finish();
}

export function decodeMoving(bytes: Uint8Array): MovingRow {
  const reader = new ByteReader(bytes);
  const version = reader.uint8();
  if (version !== ROW_VERSION) {
    throw otherFormat("a row of a moving tenant in the catalogue", ROW_VERSION, version);
  }
  return {
    database: reader.string(),
    collection: reader.string(),
    tenant: reader.string(),
    before: requestedState(reader.uint8()),
    goal: requestedState(reader.uint8()),
    prefix: reader.string(),
  };
}

function requestedState(number: number): RequestedState {
  const state = TENANT_STATES[number];
  // What nobody can ask for is nothing that a row says; INACTIVE keeps all and serves nothing.
  return state === "ACTIVE" || state === "OFFLOADED" ? state : "INACTIVE";
}
