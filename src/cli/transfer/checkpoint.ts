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

/** When the tenant in each collection that was written was made; ms since 1970. */
export type NotedTenants = readonly (readonly [collection: string, createdAtMs: number])[];

export interface ImportProgress {
  /** Of `files`. */
  readonly file: number;
  readonly position: SourcePosition;
  readonly counts: ImportCounts;
  /** Empty where the identity says where all goes. */
  readonly tenants: NotedTenants;
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
   * @param findOther the collection of a tenant that is not the one that was written.
   * @throws CommandError when the file belongs to another import, or the source or the target has
   *   changed.
   */
  async read(
    findOther?: (noted: NotedTenants) => Promise<string | undefined> | undefined,
  ): Promise<ImportProgress | undefined> {
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
    const { tenants } = kept.progress;
    const other = tenants.length === 0 ? undefined : await findOther?.(tenants);
    if (other !== undefined) {
      throw this.#refusal(
        `was made before the tenant in collection ${other}, or the collection, was removed`,
      );
    }
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
    const { position, tenants } = kept.progress;
    const isOurs =
      kept.format === FORMAT && Number.isInteger(position.records) && Array.isArray(tenants);
    return isOurs ? kept : undefined;
  } catch {
    // Not JSON, or not an object with these members: the caller says so.
    return undefined;
  }
}
