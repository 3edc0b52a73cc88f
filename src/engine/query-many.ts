/**
 * One search over many places: each is searched on its own, the results are merged exactly. A few
 * at once: while one waits for its files another computes, and one call does not fill the queue.
 */
import { InsulaError } from "../base/errors.ts";
import { QUERY_PLACES_MAX } from "../base/limits.ts";
import { mergeNearest } from "../math/index.ts";
import {
  checkQueryOfMany,
  type MultiQueryResult,
  type OriginHit,
  type Place,
  type Query,
  type QueryResult,
  type SearchedPlace,
} from "../model/index.ts";

const PLACES_AT_ONCE = 8;

/**
 * @throws InsulaError `argument_invalid` for too many places; failures of single places are in the
 *   result.
 */
export async function queryPlaces(
  places: readonly Place[],
  query: Query,
  search: (place: Place) => Promise<QueryResult>,
): Promise<MultiQueryResult> {
  if (places.length > QUERY_PLACES_MAX) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot search: expected at most ${String(QUERY_PLACES_MAX)} places, received ${String(places.length)}.`,
    );
  }
  checkQueryOfMany(query);
  const unique = [...new Map(places.map((place) => [nameOf(place), place])).values()];
  const lists: OriginHit[][] = unique.map(() => []);
  const reports: (SearchedPlace | undefined)[] = unique.map(() => undefined);
  const failures: { place: Place; error: Error }[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < unique.length; i = next++) {
      const place = unique[i];
      if (place === undefined) return;
      const { payer: _, signal: __, ...named } = place;
      try {
        const { hits, ...report } = await search(place);
        lists[i] = hits.map((hit) => ({ ...hit, place: named }));
        reports[i] = { place: named, ...report };
      } catch (error) {
        failures.push({
          place: named,
          error: error instanceof Error ? error : new Error(String(error)),
        });
      }
    }
  };
  await Promise.all(Array.from({ length: PLACES_AT_ONCE }, work));
  query.signal?.throwIfAborted();
  const searched = reports.filter((report) => report !== undefined);
  return { hits: mergeNearest(lists, query.topK, compareOrigins), searched, failures };
}

function compareOrigins(a: OriginHit, b: OriginHit): number {
  return (
    compareBytes(a.place.database, b.place.database) ||
    compareBytes(a.place.collection, b.place.collection) ||
    compareBytes(a.place.tenant ?? "", b.place.tenant ?? "") ||
    compareBytes(a.key, b.key)
  );
}

function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function nameOf({ database, collection, tenant }: Place): string {
  return `${database}\0${collection}\0${tenant ?? ""}`;
}
