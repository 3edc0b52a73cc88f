/** The options that say where a command works, and what they mean. */
import type { Command } from "commander";
import { InsulaError } from "../base/errors.ts";
import { QUERY_PLACES_MAX } from "../base/limits.ts";
import type { CollectionInfo } from "../engine/api.ts";
import type { Place } from "../model/index.ts";
import { collectPages, pageAfter } from "./command.ts";
import { CommandError, EXIT_CODES } from "./command-error.ts";
import type { Session } from "./session.ts";

/** Names taken when nobody gives any; legal in every protocol we speak. */
export const DATABASE_DEFAULT = "main-database";
export const COLLECTION_DEFAULT = "texts";

/** One place. */
export interface PlaceOptions {
  readonly database: string;
  readonly collection: string;
  readonly tenant?: string;
}

export function addPlaceOptions(command: Command): Command {
  return command
    .option("--database <name>", "database", DATABASE_DEFAULT)
    .option("--collection <name>", "collection", COLLECTION_DEFAULT)
    .option("--tenant <name>", "tenant of a collection that has tenants");
}

/** Several places of one database. */
export interface PlacesOptions {
  readonly database: string;
  readonly collection: readonly string[];
  readonly tenant?: readonly string[];
  readonly allTenants?: true;
}

export function addPlacesOptions(command: Command): Command {
  return command
    .option("--database <name>", "database", DATABASE_DEFAULT)
    .option("--collection <name...>", "one collection or several", [COLLECTION_DEFAULT])
    .option("--tenant <name...>", "one tenant or several, of collections that have tenants")
    .option("--all-tenants", "every tenant there is");
}

/** Every collection with every tenant named; tenants are asked for where all are meant. */
export async function findPlaces(
  session: Session,
  options: PlacesOptions,
): Promise<readonly Place[]> {
  const { database } = options;
  if (options.allTenants === true && options.tenant !== undefined)
    throw new CommandError(EXIT_CODES.usage, "Expected either --tenant or --all-tenants.");
  const places: Place[] = [];
  for (const collection of options.collection) {
    const tenants =
      options.allTenants === true
        ? await allTenants(session, database, collection)
        : (options.tenant ?? [undefined]);
    for (const tenant of tenants) {
      places.push({ database, collection, ...(tenant !== undefined && { tenant }) });
    }
  }
  if (places.length > QUERY_PLACES_MAX) {
    throw new CommandError(
      EXIT_CODES.usage,
      `Expected at most ${String(QUERY_PLACES_MAX)} places, received ${String(places.length)}.`,
    );
  }
  return places;
}

/** [undefined] for a collection without tenants, whose one shard stands for all. */
export async function allTenants(
  session: Session,
  database: string,
  collection: string,
): Promise<readonly (string | undefined)[]> {
  const info = await findCollection(session, database, collection);
  if (info.tenancy === "single") return [undefined];
  const tenants = await collectPages(
    (after) => session.catalog.listTenants(database, collection, pageAfter(after)),
    ({ name }) => name,
  );
  return tenants.map(({ name }) => name);
}

/** @throws InsulaError `collection_not_found` */
export async function findCollection(
  session: Session,
  database: string,
  collection: string,
): Promise<CollectionInfo> {
  const info = await session.catalog.getCollection(database, collection);
  if (info !== undefined) return info;
  throw new InsulaError(
    "collection_not_found",
    `There is no collection ${collection} in database ${database}.`,
  );
}

/** For people: `notes`, `notes/acme`. */
export function nameOfPlace({ collection, tenant }: Place): string {
  return tenant === undefined ? collection : `${collection}/${tenant}`;
}

/** `database/collection`; a collection's name has no slash, a database's neither. */
export function splitInto(into: string | undefined): readonly [string?, string?] {
  if (into === undefined) return [];
  const [database, collection, ...rest] = into.split("/");
  if (database !== undefined && collection !== undefined && rest.length === 0) {
    return [database, collection];
  }
  throw new CommandError(
    EXIT_CODES.usage,
    `Cannot understand --into ${into}.`,
    "Write DATABASE/COLLECTION.",
  );
}
