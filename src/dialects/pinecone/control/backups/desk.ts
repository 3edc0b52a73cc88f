/**
 * Backups and restores under way. They outlive the request that began them, one after the other;
 * what came of them is in their rows. A process that ends takes them along: a row that is not done
 * and that nobody works at has failed.
 */
import { InsulaError, isInsulaError, type ErrorKind } from "../../../../base/errors.ts";
import { KeyedLock } from "../../../../base/keyed-lock.ts";
import type { BackupDoor, DialectContext } from "../../../dialect.ts";
import { pineconeFault } from "../../errors.ts";
import type { DescribedIndex } from "../index-model.ts";
import { Rows, type BackupRow, type RestoreRow } from "./rows.ts";

/** An index that is not there yet. */
export interface PendingIndex {
  readonly row: RestoreRow;
  readonly described: DescribedIndex;
}

export interface RestoreSteps {
  /** Gives the restored collection what is its own. */
  readonly finish: () => Promise<unknown>;
  /** Told once of what was begun, whether it was restored or not. */
  readonly end: () => Promise<unknown>;
}

export class BackupDesk {
  readonly backups: Rows<BackupRow>;
  readonly restores: Rows<RestoreRow>;
  readonly #context: DialectContext;
  readonly #lock = new KeyedLock();
  /** Ids of backups being made. */
  readonly #making = new Set<string>();
  /** By project and name. */
  readonly #pending = new Map<string, PendingIndex>();

  constructor(context: DialectContext) {
    this.#context = context;
    this.backups = new Rows(context.engine, "backup");
    this.restores = new Rows(context.engine, "restore");
  }

  /** @throws InsulaError `operation_unsupported` where the server has no store. */
  get door(): BackupDoor {
    const { backups } = this.#context;
    if (backups !== undefined) return backups;
    throw new InsulaError(
      "operation_unsupported",
      "This server has no store for backups: expected the setting backupStore",
    );
  }

  isMaking(id: string): boolean {
    return this.#making.has(id);
  }

  isRestoring(id: string): boolean {
    return [...this.#pending.values()].some(({ row }) => row.id === id);
  }

  pendingIndex(project: string, name: string): PendingIndex | undefined {
    return this.#pending.get(keyOf(project, name));
  }

  pendingIndexes(project: string): readonly PendingIndex[] {
    const all = [...this.#pending.values()];
    return all.filter(({ described }) => described.info.database === project);
  }

  /** The row is written when it resolves; the work goes on. */
  async startBackup(project: string, row: BackupRow): Promise<void> {
    const { door } = this;
    await this.backups.put(project, row);
    this.#making.add(row.id);
    const scope = { database: project, collection: row.index.name };
    void this.#work("RunBackup", async () => {
      const { id, records, tenants, bytes } = await door.backup(scope);
      await this.backups.put(project, { ...row, stored: { id, records, tenants, bytes } });
    }).finally(() => this.#making.delete(row.id));
  }

  /** As {@link startBackup}. */
  async startRestore(
    pending: PendingIndex,
    source: BackupRow,
    { finish, end }: RestoreSteps,
  ): Promise<void> {
    const { door } = this;
    const { row, described } = pending;
    const { database, name } = described.info;
    const key = keyOf(database, name);
    this.#pending.set(key, pending);
    try {
      await this.restores.put(database, row);
    } catch (error) {
      this.#pending.delete(key);
      throw error;
    }
    void this.#work("RunRestore", async () => {
      await door.restore({
        backup: source.stored?.id ?? "",
        ...{ database, collection: source.index.name },
        as: { database, collection: name },
      });
      await finish();
      const completedAtMs = this.#context.clock.wallMs();
      await this.restores.put(database, { ...row, completedAtMs });
    })
      .finally(end)
      .finally(() => this.#pending.delete(key))
      // Whatever `end` fails by is met again by the next call about the index.
      .catch(() => undefined);
  }

  /** @throws InsulaError the fault `BACKUP_IN_USE`, and what the store throws. */
  async remove(project: string, row: BackupRow): Promise<void> {
    const isUsed =
      this.isMaking(row.id) ||
      this.pendingIndexes(project).some((one) => one.row.backup === row.id);
    if (isUsed) throw pineconeFault("BACKUP_IN_USE", "The backup is in use: try again later");
    const { stored } = row;
    if (stored !== undefined) await this.#lock.run(STORE, () => this.#removeStored(stored.id));
    await this.backups.remove(project, row.id);
  }

  /** One that somebody else has removed is removed. */
  async #removeStored(id: string): Promise<void> {
    try {
      await this.door.remove(id);
    } catch (error) {
      if (!isInsulaError(error) || error.code !== "backup_not_found") throw error;
    }
  }

  /** Never rejects: how it ended is counted, and the row of what failed is never done. */
  async #work(operation: string, task: () => Promise<void>): Promise<void> {
    const { clock } = this.#context;
    const startMs = clock.monotonicMs();
    let outcome: "ok" | ErrorKind = "ok";
    try {
      await this.#lock.run(STORE, task);
    } catch (error) {
      outcome = isInsulaError(error) ? error.kind : "internal";
    }
    this.#context.observe(operation, outcome, clock.monotonicMs() - startMs);
  }
}

/** One at a time: copies are much work for disks, and a removal must not meet a backup. */
const STORE = "store";

function keyOf(project: string, name: string): string {
  return `${project}\0${name}`;
}
