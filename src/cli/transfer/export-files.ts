/** The files of a customer's export: one a collection, each whole or not there. */
import { unlink } from "node:fs/promises";
import path from "node:path";
import { InsulaError } from "../../base/errors.ts";
import type { CustomerRecord } from "../../client/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { ContentHash } from "./content-hash.ts";
import { openJsonlSink } from "./jsonl-sink.ts";
import type { RecordSink } from "./record-sink.ts";

export interface ExportedFile {
  readonly collection: string;
  readonly file: string;
  readonly records: number;
  readonly contentHash: string;
}

interface OpenFile {
  readonly collection: string;
  readonly file: string;
  readonly sink: RecordSink;
  readonly hash: ContentHash;
  records: number;
}

/** A file a collection, one after the other; each is there when the next begins. */
export class ExportFiles {
  readonly #folder: string;
  readonly #files: ExportedFile[] = [];
  #open: OpenFile | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Records of one collection; those of a collection come one behind the other.
   *
   * @throws CommandError for records of a collection whose file is closed: it was not whole, and is
   *   removed.
   */
  async write(records: readonly CustomerRecord[]): Promise<void> {
    const [first] = records;
    if (first === undefined) return;
    if (this.#open?.collection !== first.collection) {
      await this.#refuseClosed(first.collection);
      await this.begin(first.collection);
    }
    const file = this.#openFile(first.collection);
    const { sink, hash } = file;
    for (const { record } of records) hash.add(undefined, record);
    await sink.write(records.map(({ record }) => ({ tenant: undefined, record })));
    file.records += records.length;
  }

  /** Nothing for a collection whose file is begun or there. */
  async begin(collection: string): Promise<void> {
    if (this.#open?.collection === collection) return;
    if (this.#files.some((known) => known.collection === collection)) return;
    await this.#close();
    // A name may have what a path cannot.
    const file = path.join(this.#folder, `${encodeURIComponent(collection)}.jsonl`);
    const sink = await openJsonlSink(file);
    this.#open = { collection, file, sink, hash: new ContentHash(), records: 0 };
  }

  /** Of all files, in the order of the collections. */
  async finish(): Promise<readonly ExportedFile[]> {
    await this.#close();
    return this.#files.toSorted((a, b) =>
      Buffer.compare(Buffer.from(a.collection), Buffer.from(b.collection)),
    );
  }

  /** Of the file that is not whole. */
  async discard(): Promise<void> {
    await this.#open?.sink.discard().catch(() => undefined);
    this.#open = undefined;
  }

  async #refuseClosed(collection: string): Promise<void> {
    const closed = this.#files.find((known) => known.collection === collection);
    if (closed === undefined) return;
    await unlink(closed.file).catch(() => undefined);
    throw new CommandError(
      EXIT_CODES.failed,
      `Cannot export: records of collection ${collection} came again behind those of others.`,
      `${closed.file} was not whole and is removed; the same command begins anew.`,
    );
  }

  async #close(): Promise<void> {
    if (this.#open === undefined) return;
    const { collection, file, sink, hash, records } = this.#open;
    await sink.finish();
    this.#open = undefined;
    this.#files.push({ collection, file, records, contentHash: hash.finish() });
  }

  #openFile(collection: string): OpenFile {
    if (this.#open?.collection === collection) return this.#open;
    throw new InsulaError("invariant_broken", "A file is begun before it is written.");
  }
}
