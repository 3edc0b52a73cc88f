/** What the directory knows of a name while it is cached. */
import type { Clock, Random } from "../io/index.ts";
import type { Schema } from "../model/index.ts";
import type { CollectionRow, DatabaseRow } from "./catalog-rows.ts";

export interface DatabaseEntry {
  readonly name: string;
  row: DatabaseRow;
  /** Collections being created: the database is not empty. */
  pendingCount: number;
  isGone: boolean;
}

export interface CollectionEntry {
  readonly database: DatabaseEntry;
  readonly name: string;
  row: CollectionRow;
  /** As stored: the recalls of its fields are in the row. */
  readonly schema: Schema;
  readonly isMultiTenant: boolean;
  isGone: boolean;
}

/** A name that is about to get a row. */
export type ClaimedName =
  | { readonly kind: "database"; readonly name: string }
  | { readonly kind: "collection"; readonly name: string; readonly database: string }
  | { readonly kind: "tenant"; readonly name: string; readonly collection: CollectionEntry };

export interface DirectoryDoors {
  readonly clock: Clock;
  readonly random: Random;
  /** Slot of a fresh key, for a shard or a collection; 0 when nothing is to be sealed. */
  readonly takeKeySlot: () => Promise<number>;
}

/** A row of the catalogue as it was read. */
export interface FoundRow {
  readonly name: string;
  readonly value: Uint8Array;
  /** Of the directory, as they were before the row was read. */
  readonly removals: number;
}
