/**
 * How far an import came, in a small file beside its source.
 *
 * It is replaced after every acknowledged batch, before the next is sent, and removed at the end.
 * So an import that was stopped goes on behind the last record that was written; after a kill
 * between an answer and its note, one batch is sent again, which changes nothing.
 */
import { readFile, rename, unlink, writeFile } from "node:fs/promises";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import type { SourceFile } from "./open-source.ts";
import type { SourcePosition } from "./record-source.ts";

const FORMAT = "insula-import/1";

export interface ImportCounts {
  /** Records acknowledged. */
  records: number;
  /** Of these, new ones; undefined when the server does not say. */
  added: number | undefined;
  replaced: number | undefined;
}

/** Which data goes where: an import goes on only when both are still the same. */
export interface ImportIdentity {
  readonly files: readonly SourceFile[];
  /** Database, collection, tenant; and when the collection was made. */
  readonly target: string;
  /** Options that decide what a record is. */
  readonly options: string;
}

export interface ImportProgress {
  /** Of `files`. */
  readonly file: number;
  readonly position: SourcePosition;
  readonly counts: ImportCounts;
}

export class Checkpoint {
  readonly path: string;
  readonly #identity: ImportIdentity;

  constructor(path: string, identity: ImportIdentity) {
    this.path = path;
    this.#identity = identity;
  }

  /**
   * Where to go on; undefined at the first run.
   *
   * @throws CommandError when the file belongs to another import, or the source has changed.
   */
  async read(): Promise<ImportProgress | undefined> {
    const text = await readFile(this.path, "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    const kept = parse(text);
    if (kept === undefined) throw this.#refusal("is no checkpoint of an import");
    if (kept.target !== this.#identity.target)
      throw this.#refusal("belongs to an import into another collection or tenant");
    if (kept.options !== this.#identity.options)
      throw this.#refusal("belongs to an import with other options");
    if (JSON.stringify(kept.files) !== JSON.stringify(this.#identity.files))
      throw this.#refusal("was made before the source was changed");
    return kept.progress;
  }

  async write(progress: ImportProgress): Promise<void> {
    const text = `${JSON.stringify({ format: FORMAT, ...this.#identity, progress })}\n`;
    const temporary = `${this.path}.new`;
    try {
      await writeFile(temporary, text);
      await rename(temporary, this.path);
    } catch (cause) {
      throw new CommandError(
        EXIT_CODES.failed,
        `Cannot write the checkpoint ${this.path}.`,
        "Name another place with --checkpoint, or do without with --no-checkpoint.",
        cause,
      );
    }
  }

  async remove(): Promise<void> {
    await unlink(this.path).catch(() => undefined);
  }

  #refusal(reason: string): CommandError {
    return new CommandError(
      EXIT_CODES.refused,
      `The checkpoint ${this.path} ${reason}.`,
      "Begin anew with --restart, or name another file with --checkpoint.",
    );
  }
}

interface Kept extends ImportIdentity {
  readonly progress: ImportProgress;
}

function parse(text: string): Kept | undefined {
  try {
    const kept = JSON.parse(text) as Kept & { readonly format?: unknown };
    const isOurs = kept.format === FORMAT && Number.isInteger(kept.progress.position.records);
    return isOurs ? kept : undefined;
  } catch {
    // Not JSON, or not an object with these members: the caller says so.
    return undefined;
  }
}
