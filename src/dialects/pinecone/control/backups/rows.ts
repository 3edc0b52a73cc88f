/** What the dialect remembers of backups and restores: JSON in the engine's settings. */
import { createHash } from "node:crypto";
import { PAGE_ITEMS_MAX } from "../../../../base/limits.ts";
import type { Engine } from "../../../../engine/api.ts";
import type { DialectContext } from "../../../dialect.ts";
import type { IndexView } from "../../index-view.ts";

/** What an index was when it was backed up, enough to describe one made of the backup. */
export interface BackedUpIndex {
  readonly name: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly metric: IndexView["metric"];
  readonly vectorType: IndexView["vectorType"];
  readonly dimension?: number;
  readonly sparseField?: string;
}

/** ON DISK: members are never renamed. */
export interface BackupRow {
  readonly id: string;
  readonly index: BackedUpIndex;
  readonly name?: string;
  readonly description?: string;
  readonly createdAtMs: number;
  /** Absent until it is ready. */
  readonly stored?: {
    /** Id of the backup in the store. */
    readonly id: string;
    readonly records: number;
    readonly tenants: number;
    readonly bytes: number;
  };
}

/** ON DISK: members are never renamed. */
export interface RestoreRow {
  readonly id: string;
  readonly backup: string;
  readonly index: { readonly name: string; readonly id: string };
  readonly createdAtMs: number;
  /** Absent until it is done. */
  readonly completedAtMs?: number;
}

type Settings = Pick<Engine, "readSetting" | "writeSetting" | "listSettings">;

/** Rows of one sort, by project and id. */
export class Rows<Row extends { readonly id: string }> {
  readonly #settings: Settings;
  readonly #sort: "backup" | "restore";

  constructor(settings: Settings, sort: "backup" | "restore") {
    this.#settings = settings;
    this.#sort = sort;
  }

  async get(project: string, id: string): Promise<Row | undefined> {
    if (!ID.test(id)) return undefined;
    const value = await this.#settings.readSetting(this.#nameOf(project, id));
    return value === undefined ? undefined : (decode(value) as Row);
  }

  put(project: string, row: Row): Promise<void> {
    const value = Buffer.from(JSON.stringify(row));
    return this.#settings.writeSetting(this.#nameOf(project, row.id), value);
  }

  remove(project: string, id: string): Promise<void> {
    return this.#settings.writeSetting(this.#nameOf(project, id), undefined);
  }

  /** Those behind `after`, oldest first. */
  async *walk(project: string, after = ""): AsyncGenerator<Row> {
    const prefix = this.#nameOf(project, "");
    let from = this.#nameOf(project, after);
    for (;;) {
      const page = { prefix, after: from, limit: PAGE_ITEMS_MAX };
      const { items, hasMore } = await this.#settings.listSettings(page);
      for (const { value } of items) yield decode(value) as Row;
      const last = items.at(-1)?.name;
      if (!hasMore || last === undefined) return;
      from = last;
    }
  }

  /** ON DISK. */
  #nameOf(project: string, id: string): string {
    return `pinecone/${this.#sort}/${createHash("sha256").update(project).digest("hex")}/${id}`;
  }
}

/** What {@link Rows.put} has written. */
function decode(value: Uint8Array): unknown {
  return JSON.parse(Buffer.from(value).toString("utf8"));
}

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A UUID of version 7, RFC 9562: ids sort by time. */
export function newId({ clock, random }: Pick<DialectContext, "clock" | "random">): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes.writeUIntBE(Math.max(0, Math.floor(clock.wallMs())), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  return printUuid(bytes);
}

/** Of an index: the same as long as it lives, another for the next of its name. */
export function indexIdOf({ database, name, createdAtMs }: IndexView["info"]): string {
  const digest = createHash("sha256")
    .update(`${database}\0${name}\0${String(createdAtMs)}`)
    .digest();
  // Version 8: bits of our own.
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x80, 6);
  return printUuid(digest);
}

function printUuid(bytes: Buffer): string {
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex", 0, 16);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
