/** Finds the texts of a `put`: single texts, files, folders, standard input. */
import { createHash } from "node:crypto";
import { lstat, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { CommandError, EXIT_CODES } from "./command-error.ts";

/** One text before it is cut. */
export interface TextSource {
  /** Key of the first chunk; the others are `<key>#<n>`. */
  readonly key: string;
  /** Shown and kept as metadata; absent for a text given on the command line. */
  readonly source: string | undefined;
  /** The text; or why it is left out. */
  read(): Promise<{ readonly text: string } | { readonly skipped: string }>;
}

/** Bytes of one file. Source: ours; beyond it a file is no text for people. */
const FILE_BYTES_MAX = 67_108_864;
/** Files of one run. Source: ours. */
const FILES_MAX = 1_000_000;
/** Folders inside folders. Source: ours; PATH_MAX ends before. */
const FOLDER_DEPTH_MAX = 64;

/** A text given in words; its key is derived from it, so that the same text is written once. */
export function fromText(text: string, key?: string): TextSource {
  return {
    key: key ?? `text-${hashText(text).slice(0, 16)}`,
    source: undefined,
    read: () => Promise.resolve({ text }),
  };
}

/** @param name  key and source of the file. */
export function fromFile(file: string, name: string): TextSource {
  return { key: name, source: name, read: () => readText(file) };
}

/**
 * Every file below the folder, sorted; its key is the folder's own name and the path in it, with
 * `/`, on every system. Names that begin with a dot, `node_modules` and links are left out.
 */
export async function fromFolder(folder: string): Promise<readonly TextSource[]> {
  const root = path.resolve(folder);
  const sources: TextSource[] = [];
  await walk(root, path.basename(root), 0, sources);
  return sources;
}

/** Paths below the folder with `/`, sorted, as {@link fromFolder} finds them. */
export async function listFiles(folder: string): Promise<readonly string[]> {
  const sources: TextSource[] = [];
  await walk(path.resolve(folder), "", 0, sources);
  return sources.map(({ key }) => key);
}

async function walk(
  folder: string,
  name: string,
  depth: number,
  sources: TextSource[],
): Promise<void> {
  if (depth > FOLDER_DEPTH_MAX)
    throw tooMuch(`${folder}: more than ${String(FOLDER_DEPTH_MAX)} levels`);
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new CommandError(
      EXIT_CODES.notFound,
      `Cannot read the folder ${folder}.`,
      "Check the path.",
      cause,
    );
  });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
    const inner = path.join(folder, entry.name);
    const innerName = name === "" ? entry.name : `${name}/${entry.name}`;
    if (entry.isDirectory()) await walk(inner, innerName, depth + 1, sources);
    else if (entry.isFile()) sources.push(fromFile(inner, innerName));
    if (sources.length > FILES_MAX) throw tooMuch(`more than ${String(FILES_MAX)} files`);
  }
}

async function readText(file: string): ReturnType<TextSource["read"]> {
  let bytes: Buffer;
  try {
    const stats = await lstat(file);
    if (stats.size > FILE_BYTES_MAX)
      return { skipped: `larger than ${String(FILE_BYTES_MAX)} bytes` };
    bytes = await readFile(file);
  } catch (cause) {
    throw new CommandError(
      EXIT_CODES.notFound,
      `Cannot read the file ${file}.`,
      "Check the path and its permissions.",
      cause,
    );
  }
  return decodeText(bytes);
}

/** UTF-8 without NUL is text; everything else is a picture, an archive or another encoding. */
export function decodeText(
  bytes: Uint8Array,
): { readonly text: string } | { readonly skipped: string } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (text.includes("\0")) return { skipped: "not a text file" };
    return text.trim() === "" ? { skipped: "empty" } : { text };
  } catch {
    return { skipped: "not UTF-8 text" };
  }
}

export async function fromStdin(key: string | undefined): Promise<TextSource> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of process.stdin) {
    const bytes = Buffer.from(part as Uint8Array);
    length += bytes.length;
    if (length > FILE_BYTES_MAX)
      throw tooMuch(`standard input: more than ${String(FILE_BYTES_MAX)} bytes`);
    parts.push(bytes);
  }
  const decoded = decodeText(Buffer.concat(parts));
  if ("skipped" in decoded) {
    throw new CommandError(EXIT_CODES.usage, `Cannot take standard input: ${decoded.skipped}.`);
  }
  return fromText(decoded.text, key);
}

/** Lower-case hexadecimal SHA-256. */
export function hashText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function tooMuch(what: string): CommandError {
  return new CommandError(EXIT_CODES.failed, `Cannot take all of it: ${what}.`, "Split the input.");
}
