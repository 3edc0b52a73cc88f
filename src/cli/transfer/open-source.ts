/** Finds out what the files of an import are. */
import { stat } from "node:fs/promises";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { JsonlSource } from "./jsonl-source.ts";
import { keysPathOf } from "./key-lines.ts";
import { MatrixSource } from "./matrix-source.ts";
import { ParquetSource } from "./parquet-source.ts";
import type { MemberNames } from "./record-members.ts";
import type { RecordSource } from "./record-source.ts";

export const IMPORT_FORMATS = ["jsonl", "parquet", "npy", "fvecs", "ivecs"] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

export interface SourceOptions {
  readonly format: ImportFormat | undefined;
  readonly names: MemberNames;
  readonly keysPath: string | undefined;
  readonly keyPrefix: string;
}

/** What tells a file from another of the same name. */
export interface SourceFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** @throws CommandError for a file that is not there, or whose ending says nothing. */
export async function openSources(
  paths: readonly string[],
  options: SourceOptions,
): Promise<{ readonly sources: readonly RecordSource[]; readonly files: readonly SourceFile[] }> {
  const sources: RecordSource[] = [];
  const files: SourceFile[] = [];
  let rowsBefore = 0;
  if (options.keysPath !== undefined && paths.length > 1)
    throw new CommandError(EXIT_CODES.usage, "--keys belongs to one file, but several are given.");
  for (const path of paths) {
    const format = options.format ?? formatOf(path);
    if (path === "-") {
      if (paths.length > 1 || format !== "jsonl")
        throw new CommandError(EXIT_CODES.usage, "Standard input can be one source, as jsonl.");
      sources.push(new JsonlSource(path, undefined, options.names));
      continue;
    }
    const info = await stat(path).catch((cause: unknown) => {
      throw new CommandError(
        EXIT_CODES.notFound,
        `Cannot read the file ${path}.`,
        "Check the path.",
        cause,
      );
    });
    if (!info.isFile()) throw new CommandError(EXIT_CODES.usage, `${path} is no file.`);
    files.push({ path, bytes: info.size, modifiedMs: Math.floor(info.mtimeMs) });
    if (format === "jsonl") sources.push(new JsonlSource(path, info.size, options.names));
    else if (format === "parquet") sources.push(new ParquetSource(path, info.size, options.names));
    else {
      const keysPath = options.keysPath ?? (await keysBeside(path));
      const { keyPrefix } = options;
      const matrix = { format, byteLength: info.size, keysPath, keyPrefix, rowsBefore };
      const source = new MatrixSource(path, matrix);
      rowsBefore += (await source.layout()).rows;
      sources.push(source);
    }
  }
  return { sources, files };
}

/** What `insula export` wrote beside the matrix. */
async function keysBeside(path: string): Promise<string | undefined> {
  const keysPath = keysPathOf(path);
  const info = await stat(keysPath).catch(() => undefined);
  return info?.isFile() === true ? keysPath : undefined;
}

const ENDINGS: Readonly<Record<string, ImportFormat>> = {
  jsonl: "jsonl",
  ndjson: "jsonl",
  parquet: "parquet",
  npy: "npy",
  fvecs: "fvecs",
  ivecs: "ivecs",
};

/**
 * @param known  what the command can take, for the advice.
 * @throws CommandError for an ending that is none of ours.
 */
export function formatOf(path: string, known: readonly string[] = IMPORT_FORMATS): ImportFormat {
  if (path === "-") return "jsonl";
  const format = ENDINGS[path.slice(path.lastIndexOf(".") + 1).toLowerCase()];
  if (format !== undefined) return format;
  throw new CommandError(
    EXIT_CODES.usage,
    `Cannot tell the format of ${path} by its ending.`,
    `Name it: --format ${known.join(", ")}.`,
  );
}
