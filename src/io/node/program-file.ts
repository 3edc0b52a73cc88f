/** Files that belong to the program itself: compiled kernels, entries of threads. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { InsulaError } from "../../base/errors.ts";

/** Resolvable from wherever the package is installed. */
const PACKAGE_FILE = "insula-db/package.json";

/** A file of the program, as the code that wants it knows it. */
export interface ProgramFile {
  /**
   * `new URL("./name.js", import.meta.url)`, written out, since tools that trace which files a
   * program needs look for just that.
   */
  readonly beside: URL;
  /** Below the package's `dist/`: `engine/worker-entry.js`. */
  readonly place: string;
}

/**
 * Where the file lies: beside the code; as TypeScript, when the sources run as they are; or, when
 * the code was bundled into some other file, in the installed package, searched for from there.
 *
 * @throws InsulaError `format_unsupported` when the program is incomplete.
 */
export function findProgramFile({ beside, place }: ProgramFile): URL {
  // In a bundle the neighbour of that name, if there is one, is somebody else's.
  if (beside.pathname.endsWith(`/${place}`)) {
    if (existsSync(beside)) return beside;
    const source = new URL(beside.href.replace(/\.js$/, ".ts"));
    if (existsSync(source)) return source;
  }
  const packaged = findInPackage(place);
  if (packaged !== undefined) return packaged;
  throw new InsulaError(
    "format_unsupported",
    `Cannot load a part of the program: expected dist/${place} in the package insula-db: built, or installed where a bundle of it runs.`,
  );
}

/** @throws InsulaError `format_unsupported` */
export async function readProgramFile(file: ProgramFile): Promise<Uint8Array> {
  const url = findProgramFile(file);
  try {
    return await readFile(url);
  } catch (cause) {
    throw new InsulaError(
      "format_unsupported",
      `Cannot load a part of the program: dist/${file.place} cannot be read.`,
      { cause },
    );
  }
}

function findInPackage(place: string): URL | undefined {
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve(PACKAGE_FILE);
  } catch {
    return undefined; // not installed here
  }
  const url = new URL(`dist/${place}`, pathToFileURL(manifest));
  return existsSync(url) ? url : undefined;
}
