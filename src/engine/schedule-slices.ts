/** Tenants of a warm schedule, slice by slice: its names, then those of pattern after pattern. */
import { InsulaError } from "../base/errors.ts";
import { readTenants, type WarmSchedule } from "../model/index.ts";
import type { Catalog } from "./catalog.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { findSlice, type Slice } from "./tenant-slices.ts";

export interface ScheduleSliceRequest {
  /** Where the slice before ended, as it said. */
  readonly after?: string;
  readonly limit: number;
}

/**
 * Each tenant is in one slice only, also when several patterns match it.
 *
 * @throws InsulaError `argument_invalid`.
 */
export async function findScheduled(
  catalog: Pick<Catalog, "scan">,
  collection: CollectionEntry,
  schedule: WarmSchedule,
  { after, limit }: ScheduleSliceRequest,
): Promise<Slice> {
  const { names, patterns } = readTenants(schedule);
  const parts = [{ names: [...names] }, ...patterns.map(({ text }) => ({ pattern: text }))];
  const [part, behind] = after === undefined ? [0, undefined] : readPosition(after, parts.length);
  const from = behind === undefined ? {} : { after: behind };
  const isSettled = (): boolean => false;
  const slice = await findSlice(catalog, collection, { ...parts[part], ...from, limit, isSettled });
  const earlier = patterns.slice(0, Math.max(0, part - 1));
  const isNew = (name: string): boolean =>
    part === 0 || (!names.has(name) && !earlier.some(({ matches }) => matches(name)));
  const hasMore = slice.next !== undefined || part + 1 < parts.length;
  const [at, last] = slice.next === undefined ? [part + 1, ""] : [part, slice.next];
  const next = hasMore ? `${String(at)}:${last}` : undefined;
  return { names: slice.names.filter(isNew), settledCount: 0, next };
}

/** @returns which part, and behind which name of it; undefined: from its first. */
function readPosition(
  after: string,
  count: number,
): readonly [part: number, behind: string | undefined] {
  const [, digits, behind = ""] = /^(\d{1,4}):(.*)$/s.exec(after) ?? [];
  const part = Number(digits ?? NaN);
  if (part < count) return [part, behind === "" ? undefined : behind];
  throw new InsulaError(
    "argument_invalid",
    "Cannot take the tenants of the schedule: after: expected the next of the slice before.",
  );
}
