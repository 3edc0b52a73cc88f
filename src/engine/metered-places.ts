/** Calls at places, with the limits they are held to and the ledger of what they did. */
import type { Place, UsageRequest } from "../model/index.ts";
import type { TenantInfo, UsagePage } from "./api.ts";
import type { Directory } from "./directory.ts";
import { LimitBook } from "./limit-book.ts";
import { LimitCalls } from "./limit-calls.ts";
import type { NodeContext } from "./node-context.ts";
import { PlaceCalls } from "./place-calls.ts";
import type { TenantGate } from "./tenant-gate.ts";
import { UsageMeter } from "./usage-meter.ts";
import { readUsage } from "./usage-report.ts";

export interface MeteredDoors {
  readonly node: Pick<NodeContext, "catalog" | "shards" | "disk" | "turns">;
  readonly directory: Directory;
  readonly gate: TenantGate;
  readonly onFault: (error: unknown) => void;
}

export class MeteredPlaces {
  readonly calls: PlaceCalls;
  readonly limits: LimitCalls;
  readonly meter: UsageMeter;
  readonly #catalog: NodeContext["catalog"];
  readonly #directory: Directory;
  readonly #onFault: (error: unknown) => void;

  constructor({ node, directory, gate, onFault }: MeteredDoors) {
    const { catalog, disk, turns } = node;
    const { clock } = node.shards;
    const book = new LimitBook(catalog);
    this.#catalog = catalog;
    this.#directory = directory;
    this.#onFault = onFault;
    this.meter = new UsageMeter({ catalog, clock, hasRoom: () => !disk.isLow, onFault });
    this.calls = new PlaceCalls({ gate, meter: this.meter, book, clock, turns });
    this.limits = new LimitCalls(directory, book);
  }

  /**
   * The ledger learns of a rename when it is there. What it cannot write now it writes later; a
   * crash between the two loses the note.
   */
  async renamed(place: Place, name: string, renaming: Promise<TenantInfo>): Promise<TenantInfo> {
    const info = await renaming;
    const collection = await this.#directory.collection(place.database, place.collection);
    const tenant = collection && (await this.#directory.tenants.find(collection, name));
    if (tenant !== undefined) {
      await this.meter.rename(place, name, tenant.row.shard).catch(this.#onFault);
    }
    return info;
  }

  /** What was counted before the call is in it, and durable. */
  async usage(request: UsageRequest): Promise<UsagePage> {
    await this.meter.flush();
    return readUsage(this.#catalog, request);
  }
}
