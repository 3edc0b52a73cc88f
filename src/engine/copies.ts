/** The engine's backups, restores and copies: run beside everything else, ended by a close. */
import { InsulaError } from "../base/errors.ts";
import type { ObjectStore } from "../io/index.ts";
import type {
  AdoptOptions,
  BackupInfo,
  BackupOptions,
  RestoreOptions,
  RestoreSummary,
  TenantInfo,
  TenantPlace,
} from "./api.ts";
import { backUp } from "./backup-run.ts";
import { copyTenants, type CopiedTenant } from "./customer-copy.ts";
import { restore, type RestoreDoors } from "./restore-run.ts";
import { adoptTenant, copyTenant } from "./tenant-copy.ts";

export interface CopyDoors extends RestoreDoors {
  readonly getTenant: (place: TenantPlace) => Promise<TenantInfo | undefined>;
}

export class Copies {
  readonly #doors: CopyDoors;
  readonly #ending = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(doors: CopyDoors) {
    this.#doors = doors;
  }

  async backup(store: ObjectStore, options: BackupOptions): Promise<BackupInfo> {
    const { node, directory } = this.#doors;
    return this.#run(options.signal, (signal) =>
      backUp(node, directory, store, { ...options, signal }),
    );
  }

  restore(store: ObjectStore, options: RestoreOptions): Promise<RestoreSummary> {
    return this.#run(options.signal, (signal) =>
      restore(this.#doors, store, { ...options, signal }),
    );
  }

  async copyTenant(source: TenantPlace, target: TenantPlace): Promise<TenantInfo> {
    await this.#run(undefined, () => copyTenant(this.#doors, source, target));
    return this.#describe(target);
  }

  /** @param signal also gives up what is being fetched; there is no tenant then. */
  async adoptTenant(
    object: string,
    target: TenantPlace,
    { signal }: AdoptOptions = {},
  ): Promise<TenantInfo> {
    await this.#run(signal, (ending) => adoptTenant(this.#doors, object, target, ending));
    return this.#describe(target);
  }

  /** Several at once: all of them appear, or none. */
  copyTenants(sources: readonly CopiedTenant[], name: string): Promise<void> {
    return this.#run(undefined, (signal) => copyTenants(this.#doors, sources, name, signal));
  }

  /** Ends what runs, between two shards, and waits for that. */
  async close(): Promise<void> {
    this.#ending.abort(closedError());
    await Promise.allSettled(this.#running);
  }

  async #describe(place: TenantPlace): Promise<TenantInfo> {
    const info = await this.#doors.getTenant(place);
    if (info !== undefined) return info;
    throw new InsulaError("tenant_not_found", `Cannot find tenant "${place.tenant}".`);
  }

  async #run<Value>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<Value>,
  ): Promise<Value> {
    const ending = this.#ending.signal;
    ending.throwIfAborted();
    const running = work(signal === undefined ? ending : AbortSignal.any([signal, ending]));
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }
}

function closedError(): InsulaError {
  return new InsulaError("engine_closed", "Cannot use the engine: it is closed.");
}
