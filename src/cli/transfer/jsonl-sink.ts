/** JSON Lines, as jsonl-source.ts reads them. */
import { DEFAULT_VECTOR } from "../../model/index.ts";
import { printFloat32Array } from "../../wire/index.ts";
import { GrowingFile } from "./growing-file.ts";
import type { ExportedRecord, RecordSink } from "./record-sink.ts";
import { printSparseVectors } from "./sparse-members.ts";
import { printTyped } from "./typed-json.ts";

/** Writes to a file; `-` is standard output. */
export async function openJsonlSink(path: string): Promise<RecordSink> {
  if (path === "-") {
    return {
      write: (records) => writeOut(records.map(printRecord).join("")),
      finish: () => Promise.resolve(),
      discard: () => Promise.resolve(),
    };
  }
  const file = await GrowingFile.create(path);
  return {
    write: (records) => file.append(records.map(printRecord).join("")),
    finish: () => file.finish(),
    discard: () => file.discard(),
  };
}

/** One line with its end. */
export function printRecord({ tenant, record }: ExportedRecord): string {
  const members: string[] = [];
  if (tenant !== undefined) members.push(`"tenant":${JSON.stringify(tenant)}`);
  members.push(`"key":${JSON.stringify(record.key)}`);
  const named: string[] = [];
  for (const [field, values] of record.vectors ?? []) {
    if (field === DEFAULT_VECTOR) members.push(`"vector":${printFloat32Array(values)}`);
    else named.push(`${JSON.stringify(field)}:${printFloat32Array(values)}`);
  }
  if (named.length > 0) members.push(`"vectors":{${named.join(",")}}`);
  if (record.sparse !== undefined) members.push(`"sparse":${printSparseVectors(record.sparse)}`);
  if (record.metadata !== undefined) members.push(`"metadata":${printTyped(record.metadata)}`);
  return `{${members.join(",")}}\n`;
}

function writeOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
}
