/**
 * `MANIFEST` of the system shard: which tables there are, newest first, and up to which position of
 * the log they are complete. Replaced as a whole. Layout: docs/formats/catalogue.md.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { crc32 } from "../base/crc32.ts";
import { InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import type { FileSystem } from "../io/index.ts";
import { tableOfName, tablePath } from "./sorted-table-format.ts";

/** ON DISK: "INSM" read as a little-endian number. */
const MANIFEST_MAGIC = 0x4d53_4e49;
const MANIFEST_FORMAT_VERSION = 1;
const CRC_BYTES = 4;
const HEAD_BYTES = 8;

export interface TableName {
  readonly number: number;
  /** Of the footer: a file of another store with the same number is not taken for this one. */
  readonly footerCrc: number;
}

export interface SystemManifest {
  /** Newest first. */
  readonly tables: readonly TableName[];
  /** No file was ever written under this number or a higher one. */
  readonly numberNext: number;
  /** Every change up to here is in the tables; the caller's own encoding, empty for none. */
  readonly appliedPosition: Uint8Array;
}

const FRESH: SystemManifest = { tables: [], numberNext: 1, appliedPosition: new Uint8Array(0) };

/**
 * Reads the manifest, or makes the folder with an empty one, durably. Removes tables that it does
 * not name: what an interrupted flush or merge left.
 *
 * @throws InsulaError `data_damaged`, also when there are tables without a manifest;
 *   `format_unsupported`.
 */
export async function openManifest(
  fileSystem: FileSystem,
  folder: string,
): Promise<SystemManifest> {
  const bytes = await fileSystem.readWhole(manifestPath(folder));
  const files = (await fileSystem.listFolder(folder)).map(tableOfName);
  const numbers = files.filter((number) => number !== undefined);
  if (bytes !== undefined) {
    const manifest = decodeManifest(bytes);
    const named = new Set(manifest.tables.map(({ number }) => number));
    for (const number of numbers) {
      if (!named.has(number)) await fileSystem.unlink(tablePath(folder, number));
    }
    return manifest;
  }
  if (numbers.length > 0) {
    throw new InsulaError(
      "data_damaged",
      `Cannot open the catalogue: its manifest is missing beside ${String(numbers.length)} tables.`,
    );
  }
  await fileSystem.makeFolder(folder);
  // Its own name too: tables would be lost with the folder when the log no longer holds their rows.
  await fileSystem.syncFolder(folder.slice(0, Math.max(0, folder.lastIndexOf("/"))));
  await writeManifest(fileSystem, folder, FRESH);
  return FRESH;
}

/** Without changing anything; undefined when there is none. @throws InsulaError `data_damaged` */
export async function readManifest(
  fileSystem: FileSystem,
  folder: string,
): Promise<SystemManifest | undefined> {
  const bytes = await fileSystem.readWhole(manifestPath(folder));
  return bytes === undefined ? undefined : decodeManifest(bytes);
}

/** After a failure the file holds the old manifest or the new one. One call at a time. */
export async function writeManifest(
  fileSystem: FileSystem,
  folder: string,
  manifest: SystemManifest,
): Promise<void> {
  await fileSystem.replaceWhole(manifestPath(folder), encodeManifest(manifest));
}

export function manifestPath(folder: string): string {
  return `${folder}/MANIFEST`;
}

export function encodeManifest({ tables, numberNext, appliedPosition }: SystemManifest): Buffer {
  const writer = new ByteWriter(128).uint32(MANIFEST_MAGIC).uint32(MANIFEST_FORMAT_VERSION);
  writer.varint(numberNext).bytes(appliedPosition).varint(tables.length);
  for (const { number, footerCrc } of tables) writer.varint(number).uint32(footerCrc);
  return writer.uint32(crc32(writer.view())).finish();
}

function decodeManifest(bytes: Uint8Array): SystemManifest {
  const end = bytes.length - CRC_BYTES;
  const stored = end < HEAD_BYTES ? -1 : new ByteReader(bytes, end).uint32();
  if (stored !== crc32(bytes.subarray(0, Math.max(0, end)))) throw damaged();
  const reader = new ByteReader(bytes);
  const magic = reader.uint32();
  const version = reader.uint32();
  if (magic !== MANIFEST_MAGIC) throw damaged();
  if (version !== MANIFEST_FORMAT_VERSION) {
    throw otherFormat("the catalogue's MANIFEST", MANIFEST_FORMAT_VERSION, version);
  }
  const numberNext = reader.varint();
  const appliedPosition = Uint8Array.from(reader.bytes());
  const tables: TableName[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    tables.push({ number: reader.varint(), footerCrc: reader.uint32() });
  }
  if (reader.remaining !== CRC_BYTES) throw damaged();
  return { tables, numberNext, appliedPosition };
}

function damaged(): InsulaError {
  return new InsulaError("data_damaged", "Cannot open the catalogue: its manifest is damaged.");
}
