/** Looks at the catalogue's tables without opening the store: nothing is removed or merged. */
import type { FileSystem } from "../io/index.ts";
import { BlockCache } from "./block-cache.ts";
import { tablePath, type TableRow } from "./sorted-table-format.ts";
import { SortedTable } from "./sorted-table.ts";
import { readManifest, type SystemManifest } from "./system-manifest.ts";

export type { SystemManifest } from "./system-manifest.ts";

/** @throws InsulaError `data_damaged`; undefined when there is no manifest. */
export function inspectManifest(
  fileSystem: FileSystem,
  folder: string,
): Promise<SystemManifest | undefined> {
  return readManifest(fileSystem, folder);
}

export interface AuditedTable {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** What is wrong with it; undefined when every block matches its checksum. */
  readonly error: unknown;
}

/**
 * Reads every block of every table that the manifest names.
 *
 * @throws InsulaError `data_damaged` for the manifest itself.
 */
export async function auditTables(
  fileSystem: FileSystem,
  folder: string,
): Promise<readonly AuditedTable[]> {
  const manifest = await readManifest(fileSystem, folder);
  const audited: AuditedTable[] = [];
  for (const { number } of manifest?.tables ?? []) {
    const path = tablePath(folder, number);
    let rows = 0;
    let error: unknown;
    try {
      for await (const block of tableRows(fileSystem, folder, number)) rows += block.length;
    } catch (caught) {
      error = caught;
    }
    const file = await fileSystem.openRead(path);
    const bytes = (await file?.size()) ?? 0;
    await file?.close();
    audited.push({ path, rows, bytes, error });
  }
  return audited;
}

/**
 * The rows of one table that the manifest names, block by block.
 *
 * @throws InsulaError `data_damaged`
 */
export async function* tableRows(
  fileSystem: FileSystem,
  folder: string,
  number: number,
): AsyncIterable<readonly TableRow[]> {
  const manifest = await readManifest(fileSystem, folder);
  const name = manifest?.tables.find((table) => table.number === number);
  if (name === undefined) return;
  const cache = new BlockCache(1);
  const table = await SortedTable.open(fileSystem, folder, { table: name, cache });
  try {
    yield* table.allRows();
  } finally {
    await table.retire();
  }
}
