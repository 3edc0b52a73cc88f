/** fvecs and npy: the vectors of one field, with the keys in a text file beside them. */
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { GrowingFile } from "./growing-file.ts";
import { keysPathOf } from "./key-lines.ts";
import { printNpyHeader } from "./npy-header.ts";
import type { ExportedRecord, RecordSink } from "./record-sink.ts";

export interface MatrixSinkOptions {
  readonly format: "fvecs" | "npy";
  readonly field: string;
  readonly dimension: number;
}

/** Metadata and tenants have no place in these formats: the caller says so. */
export async function openMatrixSink(
  path: string,
  options: MatrixSinkOptions,
): Promise<RecordSink> {
  const { format, dimension, field } = options;
  const file = await GrowingFile.create(path);
  const keys = await GrowingFile.create(keysPathOf(path));
  let rows = 0;
  if (format === "npy") await file.append(printNpyHeader(0, dimension));
  const head = format === "fvecs" ? 4 : 0;
  return {
    write: async (records) => {
      const bytes = Buffer.alloc(records.length * (head + dimension * 4));
      records.forEach(({ record }, i) => {
        const values = record.vectors?.get(field) ?? new Float32Array(dimension);
        const at = i * (head + dimension * 4);
        if (head > 0) bytes.writeInt32LE(dimension, at);
        bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at + head);
      });
      await file.append(bytes);
      await keys.append(records.map(printKey).join(""));
      rows += records.length;
    },
    finish: async () => {
      if (format === "npy") await file.patch(printNpyHeader(rows, dimension));
      await file.finish();
      await keys.finish();
    },
    discard: async () => {
      await file.discard();
      await keys.discard();
    },
  };
}

function printKey({ record: { key } }: ExportedRecord): string {
  if (!/[\r\n]/.test(key)) return `${key}\n`;
  throw new CommandError(
    EXIT_CODES.usage,
    `Cannot write the key ${JSON.stringify(key)} as a line.`,
    "Export as jsonl or parquet.",
  );
}
