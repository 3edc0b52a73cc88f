/**
 * What is in one file of a data folder, as plain rows for people. Reads without the folder's lock
 * and changes nothing; beside a running node it may see a file that grows.
 */
import { toHex } from "../base/brands.ts";
import { ByteReader } from "../base/bytes.ts";
import { InsulaError } from "../base/errors.ts";
import type { FileSystem } from "../io/index.ts";
import { inspectLogFile, inspectManifest, tableRows, walkPack } from "../storage/index.ts";
import { describeCatalogRow } from "./catalog-text.ts";
import { inspectSegment } from "./inspect-segment.ts";
import type { InspectedFile, InspectedRow, InspectOptions } from "./inspected.ts";

/** Paths of all files that {@link inspectFile} can show, sorted, with their bytes. */
export async function listFolderFiles(
  files: FileSystem,
): Promise<readonly { readonly file: string; readonly bytes: number }[]> {
  const paths = [
    ...(await listOf(files, "catalog")),
    ...(await listOf(files, "log")),
    ...(await listOf(files, "pack")),
  ];
  for (const folder of await files.listFolder("seg")) {
    paths.push(...(await listOf(files, `seg/${folder}`)));
  }
  const listed: { file: string; bytes: number }[] = [];
  for (const path of paths) {
    const file = await files.openRead(path);
    if (file === undefined) continue;
    listed.push({ file: path, bytes: await file.size().finally(() => file.close()) });
  }
  return listed;
}

async function listOf(files: FileSystem, folder: string): Promise<readonly string[]> {
  return (await files.listFolder(folder)).map((name) => `${folder}/${name}`);
}

/**
 * @param path relative to the data folder
 * @throws InsulaError `argument_invalid` for a file that is none of ours, `data_damaged`;
 *   `master_key_missing` or `master_key_wrong` for a sealed segment.
 */
export async function inspectFile(path: string, options: InspectOptions): Promise<InspectedFile> {
  const number = Number.parseInt(path.slice(path.lastIndexOf("/") + 1), 10);
  if (path === "catalog/MANIFEST") return inspectCatalogManifest(path, options);
  if (/^catalog\/\d+\.tbl$/.test(path)) return inspectTable(path, number, options);
  if (/^log\/\d+\.log$/.test(path)) return inspectLog(path, number, options);
  if (/^pack\/\d+\.pack$/.test(path)) return inspectPack(path, number, options);
  if (path.endsWith(".seg"))
    return (await inspectSegment(path, options)) ?? Promise.reject(missing(path));
  throw new InsulaError(
    "argument_invalid",
    `Cannot inspect ${path}: expected a file of catalog, log, pack or seg below the data folder.`,
  );
}

async function inspectCatalogManifest(
  file: string,
  { files }: InspectOptions,
): Promise<InspectedFile> {
  const manifest = await inspectManifest(files, "catalog");
  if (manifest === undefined) throw missing(file);
  const { tables, numberNext, appliedPosition } = manifest;
  const position = new ByteReader(appliedPosition);
  const isFresh = appliedPosition.length === 0;
  return {
    file,
    kind: "manifest",
    facts: {
      tables: tables.length,
      "next table": numberNext,
      "log file": isFresh ? 0 : position.varint(),
      "log offset": isFresh ? 0 : position.varint(),
      sequence: isFresh ? 0 : position.varint(),
    },
    parts: [
      {
        title: "tables, newest first",
        rows: tables.map(({ number, footerCrc }) => ({ table: number, "footer crc": footerCrc })),
        isCut: false,
      },
    ],
  };
}

async function inspectTable(
  file: string,
  number: number,
  { files, rowsMax }: InspectOptions,
): Promise<InspectedFile> {
  const rows: InspectedRow[] = [];
  const kinds = new Map<string, number>();
  let count = 0;
  for await (const block of tableRows(files, "catalog", number)) {
    for (const { key, value } of block) {
      count++;
      const row = describeCatalogRow(key, value);
      kinds.set(row.kind, (kinds.get(row.kind) ?? 0) + 1);
      if (rows.length < rowsMax) rows.push(row);
    }
  }
  return {
    file,
    kind: "table",
    facts: { rows: count, ...Object.fromEntries([...kinds].sort()) },
    parts: [{ title: "rows", rows, isCut: count > rows.length }],
  };
}

async function inspectLog(
  file: string,
  number: number,
  { files, rowsMax }: InspectOptions,
): Promise<InspectedFile> {
  const log = await inspectLogFile(files, "log", number);
  if (log === undefined) throw missing(file);
  try {
    const { header, bytes, footerFrames } = log;
    const groups: InspectedRow[] = [];
    const frames: InspectedRow[] = [];
    const totals = { groups: 0, frames: 0, end: 0 };
    for await (const { group, position, bytes: length, frames: inner } of log.groups()) {
      totals.groups++;
      totals.frames += inner.length;
      totals.end = position.offset + length;
      const row = { group, offset: position.offset, bytes: length, frames: inner.length };
      if (groups.length < rowsMax) groups.push(row);
      for (const { shard, kind, sequenceFirst, netRows, netBytes, extent } of inner) {
        if (frames.length >= rowsMax) break;
        frames.push({
          group,
          shard: toHex(shard),
          kind: FRAME_KINDS[kind] ?? String(kind),
          sequence: sequenceFirst,
          "net rows": netRows,
          "net bytes": netBytes,
          offset: extent.offset,
          bytes: extent.length,
        });
      }
    }
    return {
      file,
      kind: "log",
      facts: {
        bytes,
        generation: header === undefined ? "header is damaged" : header.generation.toString(16),
        follows: header === undefined ? "" : `${header.previous.file}:${header.previous.offset}`,
        ...totals,
        footer:
          footerFrames === undefined
            ? "none"
            : `${footerFrames} ${footerFrames === 1 ? "frame" : "frames"}`,
      },
      parts: [
        { title: "groups", rows: groups, isCut: totals.groups > groups.length },
        { title: "frames", rows: frames, isCut: totals.frames > frames.length },
      ],
    };
  } finally {
    await log.close();
  }
}

const FRAME_KINDS: Readonly<Record<number, string>> = { 1: "catalogue", 2: "data", 3: "reset" };

async function inspectPack(
  file: string,
  number: number,
  { files, rowsMax }: InspectOptions,
): Promise<InspectedFile> {
  const bytes = await files.readWhole(file);
  if (bytes === undefined) throw missing(file);
  const rows: InspectedRow[] = [];
  let entries = 0;
  let end = 0;
  for (const { segment, shard, offset, length, isDamaged } of walkPack(bytes, number)) {
    entries++;
    end = offset + length;
    if (rows.length >= rowsMax) continue;
    const state = isDamaged ? "DAMAGED" : "sound";
    rows.push({ segment: toHex(segment), shard: toHex(shard), offset, bytes: length, state });
  }
  return {
    file,
    kind: "pack",
    facts: { bytes: bytes.length, entries, end },
    parts: [{ title: "entries", rows, isCut: entries > rows.length }],
  };
}

function missing(file: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot inspect ${file}: there is no such file.`);
}
