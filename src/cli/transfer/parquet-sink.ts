/**
 * Parquet with the columns `id`, `values`, `metadata` (JSON text) and, with several tenants,
 * `tenant`: what the importers of others read. The library is loaded with the first such file.
 */
import type { SchemaElement } from "hyparquet";
import { DEFAULT_VECTOR } from "../../model/index.ts";
import { GrowingFile } from "./growing-file.ts";
import type { ExportedRecord, RecordSink } from "./record-sink.ts";
import { printTyped } from "./typed-json.ts";

/** Numbers of one row group. Source: ours; about 40 bytes each while it is written. */
const GROUP_NUMBERS_MAX = 1_000_000;

export interface ParquetSinkOptions {
  readonly hasTenants: boolean;
  readonly dimension: number;
}

export async function openParquetSink(
  path: string,
  { hasTenants, dimension }: ParquetSinkOptions,
): Promise<RecordSink> {
  const { ByteWriter, ParquetWriter } = await import("hyparquet-writer");
  const file = await GrowingFile.create(path);
  const buffer = new ByteWriter();
  const writer = new ParquetWriter({
    writer: buffer,
    schema: schemaOf(hasTenants),
    createdBy: "insula",
  });
  const groupRows = Math.max(1, Math.floor(GROUP_NUMBERS_MAX / dimension));
  let waiting: ExportedRecord[] = [];
  const drain = async (): Promise<void> => {
    await file.append(buffer.getBytes().slice());
    buffer.index = 0;
  };
  const writeGroup = async (): Promise<void> => {
    const rows = waiting;
    waiting = [];
    if (rows.length === 0) return;
    const columnData = [
      ...(hasTenants ? [{ name: "tenant", data: rows.map(({ tenant }) => tenant ?? "") }] : []),
      { name: "id", data: rows.map(({ record }) => record.key) },
      {
        name: "values",
        data: rows.map(({ record }) => Array.from(record.vectors?.get(DEFAULT_VECTOR) ?? [])),
      },
      {
        name: "metadata",
        data: rows.map(({ record: { metadata } }) =>
          metadata === undefined ? null : printTyped(metadata),
        ),
      },
    ];
    await writer.write({ columnData, rowGroupSize: rows.length });
    await drain();
  };
  return {
    write: async (records) => {
      for (const record of records) {
        waiting.push(record);
        if (waiting.length >= groupRows) await writeGroup();
      }
    },
    finish: async () => {
      await writeGroup();
      await writer.finish();
      await drain();
      await file.finish();
    },
    discard: () => file.discard(),
  };
}

function schemaOf(hasTenants: boolean): SchemaElement[] {
  const text = (name: string, isRequired: boolean): SchemaElement => ({
    name,
    type: "BYTE_ARRAY",
    converted_type: "UTF8",
    repetition_type: isRequired ? "REQUIRED" : "OPTIONAL",
  });
  const list: SchemaElement[] = [
    { name: "values", repetition_type: "REQUIRED", num_children: 1, converted_type: "LIST" },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", type: "FLOAT", repetition_type: "REQUIRED" },
  ];
  const columns = [...(hasTenants ? [text("tenant", true)] : []), text("id", true)];
  return [
    { name: "schema", num_children: columns.length + 2 },
    ...columns,
    ...list,
    text("metadata", false),
  ];
}
