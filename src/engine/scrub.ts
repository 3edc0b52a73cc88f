/**
 * Reads everything on disk again, slowly and for ever, so that damage is found while the tenant may
 * sleep for years and its backup is still there: the files of keys, the catalogue's tables, the
 * finished log files, then shard by shard in the order of names.
 *
 * One read at a time, at a bounded rate, so that callers keep the disk. A round that was cut off by
 * a stop goes on after the shard it had reached. A damaged shard is taken out of service; damage in
 * the log that only a start would meet is made harmless by writing the catalogue anew.
 */
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { InsulaError, isInsulaError } from "../base/errors.ts";
import { sleep, type Clock, type FileSystem, type Timer } from "../io/index.ts";
import {
  comparePositions,
  inspectManifest,
  logFilePath,
  tablePath,
  tableRows,
  type LogFooter,
  type NodeLog,
} from "../storage/index.ts";
import type { Vault } from "../vault/index.ts";
import { counterKey } from "./catalog-keys.ts";
import type { Catalog } from "./catalog.ts";
import type { Quarantine } from "./quarantine.ts";
import { printOwner, walkShards, type ShardOwner } from "./shard-owners.ts";

/** Bytes read a second when nobody says otherwise: 29 GB in an hour. */
export const SCRUB_BYTES_PER_SECOND = 8_388_608;
/** Quiet after a start, and between the end of one round and the next. */
export const SCRUB_START_MS = 60_000;
export const SCRUB_PAUSE_MS = 86_400_000;
/**
 * What looking at one shard counts as, besides its bytes: its row, its key, what opens its files. A
 * small one takes about a millisecond of the processor, so a million must not be read as fast as
 * their few bytes would allow: 128 a second at the usual rate, an eighth of a thread at most.
 */
export const SCRUB_SHARD_BYTES = 65_536;
/** About one block of a table, a footer of a log file. */
const BLOCK_BYTES = 4_096;
const FOOTER_BYTES = 1_048_576;
/** Where a round has come, kept with the catalogue's next flush. */
const CURSOR_KEY = counterKey("scrub");

export interface ScrubOptions {
  readonly clock: Clock;
  readonly fileSystem: FileSystem;
  readonly catalog: Catalog;
  readonly log: Pick<NodeLog, "filesBefore" | "position" | "readFooter" | "read">;
  readonly quarantine: Quarantine;
  /** Undefined in a folder without keys. */
  readonly vault: Pick<Vault, "audit"> | undefined;
  /** 0: nothing is read. */
  readonly bytesPerSecond: number;
  /** Something is damaged that is no shard's. */
  readonly onDamage: (error: InsulaError) => void;
  /** Something could not be read; the round goes on behind it. */
  readonly onFault: (error: unknown) => void;
}

export class Scrub {
  readonly #options: ScrubOptions;
  readonly #stopping = new AbortController();
  readonly #figures = { bytes: 0, damages: 0, rounds: 0 };
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  /** Monotonic milliseconds before which nothing more is read. */
  #nextReadMs = 0;

  constructor(options: ScrubOptions) {
    this.#options = options;
    if (options.bytesPerSecond > 0) this.#schedule(SCRUB_START_MS);
  }

  /** Since the start. */
  get figures(): { readonly bytes: number; readonly damages: number; readonly rounds: number } {
    return { ...this.#figures };
  }

  /** Ends the round under way within one read. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#stopping.abort(new InsulaError("engine_closed", "The scrub ends: the engine is closed."));
    await this.#running;
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#running = this.#round()
        .catch((error: unknown) => {
          if (!this.#stopping.signal.aborted) this.#options.onFault(error);
        })
        .finally(() => {
          if (!this.#stopping.signal.aborted) this.#schedule(SCRUB_PAUSE_MS);
        });
    });
  }

  async #round(): Promise<void> {
    const { catalog } = this.#options;
    const cursor = decodeCursor(await catalog.get(CURSOR_KEY));
    if (cursor === undefined) {
      await this.#attempt(() => this.#scrubKeys());
      await this.#scrubTables();
      await this.#scrubLog();
    }
    for await (const { owner, uid } of walkShards(catalog, cursor)) {
      await this.#attempt(async () => {
        await this.#wait(SCRUB_SHARD_BYTES);
        const { quarantine } = this.#options;
        const damage = await quarantine.findDamage(uid, this.#pace);
        if (damage === undefined) return;
        if (await quarantine.confine(uid, damage, printOwner(owner))) this.#figures.damages++;
      });
      catalog.note(CURSOR_KEY, encodeCursor(owner));
    }
    catalog.forget(CURSOR_KEY);
    this.#figures.rounds++;
  }

  /** A slot that is damaged takes its tenant out of service when that one's turn comes. */
  async #scrubKeys(): Promise<void> {
    for await (const { file, bytes, reason } of this.#options.vault?.audit() ?? []) {
      await this.#pace(bytes);
      if (reason !== undefined) this.#report(file, new InsulaError("data_damaged", `${reason}.`));
    }
  }

  async #scrubTables(): Promise<void> {
    const { fileSystem } = this.#options;
    const manifest = await inspectManifest(fileSystem, "catalog");
    for (const { number } of manifest?.tables ?? []) {
      const isNamed = async (): Promise<boolean> => {
        const now = await inspectManifest(fileSystem, "catalog");
        return now?.tables.some((table) => table.number === number) === true;
      };
      await this.#attempt(async () => {
        try {
          for await (const rows of tableRows(fileSystem, "catalog", number)) {
            await this.#pace(rows.length === 0 ? 0 : BLOCK_BYTES);
          }
        } catch (error) {
          // Merged into another one meanwhile.
          if (!(await isNamed())) return;
          if (!isDamage(error)) throw error;
          this.#report(tablePath("catalog", number), error);
        }
      });
    }
  }

  /** Frames of shards are looked at with their shards; here what a start would read. */
  async #scrubLog(): Promise<void> {
    const { log, catalog } = this.#options;
    for (const file of log.filesBefore(log.position)) {
      await this.#attempt(async () => {
        await this.#pace(FOOTER_BYTES);
        try {
          await this.#scrubFrames(await log.readFooter(file));
        } catch (error) {
          // Retired meanwhile: what is in it is nobody's, and may be written over already.
          if (!log.filesBefore(log.position).includes(file)) return;
          if (!isDamage(error)) throw error;
          this.#report(logFilePath("log", file), error);
          // From here on no start reads this file, unless it has to wake a shard from it.
          if (file >= catalog.recoverFrom.file) await catalog.flush();
        }
      });
    }
  }

  async #scrubFrames(footer: LogFooter): Promise<void> {
    const { log, catalog } = this.#options;
    for (let n = 0; n < footer.count; n++) {
      const { extent } = footer.entry(n);
      if (comparePositions(extent, catalog.recoverFrom) < 0) continue;
      await this.#pace(extent.length);
      await log.read(extent);
    }
  }

  #report(file: string, error: unknown): void {
    this.#figures.damages++;
    const reason = error instanceof Error ? error.message : String(error);
    const { onDamage } = this.#options;
    onDamage(
      new InsulaError("data_damaged", `The scrub found damage in ${file}: ${reason}`, {
        cause: error,
        details: { file },
      }),
    );
  }

  /** One thing that cannot be read keeps nobody from the rest. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#stopping.signal.aborted) throw error;
      this.#options.onFault(error);
    }
  }

  /** A field, because it is handed on. */
  readonly #pace = (bytes: number): Promise<void> => {
    this.#figures.bytes += bytes;
    return this.#wait(bytes);
  };

  /** Until what was asked for before has taken its time. */
  async #wait(bytes: number): Promise<void> {
    const { clock, bytesPerSecond } = this.#options;
    const { signal } = this.#stopping;
    signal.throwIfAborted();
    const nowMs = clock.monotonicMs();
    const waitMs = this.#nextReadMs - nowMs;
    this.#nextReadMs = Math.max(nowMs, this.#nextReadMs) + (bytes / bytesPerSecond) * 1_000;
    // Shorter than a timer is worth: it is waited for with the next.
    if (waitMs > 1) await sleep(clock, waitMs, signal);
    else await clock.yield();
  }
}

function isDamage(error: unknown): boolean {
  return isInsulaError(error) && error.code === "data_damaged";
}

function encodeCursor({ database, collection, tenant }: ShardOwner): Uint8Array {
  const writer = new ByteWriter(64).string(database).string(collection);
  return writer
    .uint8(tenant === undefined ? 0 : 1)
    .string(tenant ?? "")
    .finish();
}

function decodeCursor(bytes: Uint8Array | undefined): ShardOwner | undefined {
  if (bytes === undefined) return undefined;
  const reader = new ByteReader(bytes);
  const [database, collection] = [reader.string(), reader.string()];
  return reader.uint8() === 0
    ? { database, collection }
    : { database, collection, tenant: reader.string() };
}
