/** Merging what several scans found into one list of the nearest. */

/**
 * Order of two hits with one distance: below, equal or above zero. A total order over all lists.
 */
export type CompareTies<Hit> = (a: Hit, b: Hit) => number;

/**
 * The k nearest of several lists, each already in the order (distance, ties).
 *
 * A heap of the lists' first hits: cost k × log(lists) comparisons, whatever the lists' lengths.
 *
 * @param compareTies  usually by tenant, then record key, so that the answer does not depend on
 *                     where rows happen to lie.
 */
export function mergeNearest<Hit extends { readonly distance: number }>(
  lists: readonly (readonly Hit[])[],
  k: number,
  compareTies: CompareTies<Hit>,
): Hit[] {
  const heads: Head<Hit>[] = [];
  for (const list of lists) {
    const hit = list[0];
    if (hit === undefined) continue;
    heads.push({ hit, list, position: 0 });
  }
  for (let i = (heads.length >>> 1) - 1; i >= 0; i--) settle(heads, i, compareTies);
  const merged: Hit[] = [];
  let first = heads[0];
  while (first !== undefined && merged.length < k) {
    merged.push(first.hit);
    const next = first.list[first.position + 1];
    if (next === undefined) {
      const last = heads.pop();
      if (last !== undefined && last !== first) heads[0] = last;
    } else {
      heads[0] = { hit: next, list: first.list, position: first.position + 1 };
    }
    settle(heads, 0, compareTies);
    first = heads[0];
  }
  return merged;
}

interface Head<Hit> {
  readonly hit: Hit;
  readonly list: readonly Hit[];
  readonly position: number;
}

function isBefore<Hit extends { readonly distance: number }>(
  a: Head<Hit>,
  b: Head<Hit>,
  compareTies: CompareTies<Hit>,
): boolean {
  if (a.hit.distance !== b.hit.distance) return a.hit.distance < b.hit.distance;
  return compareTies(a.hit, b.hit) < 0;
}

/** Moves the entry at `start` down to its place. */
function settle<Hit extends { readonly distance: number }>(
  heads: Head<Hit>[],
  start: number,
  compareTies: CompareTies<Hit>,
): void {
  let place = start;
  const entry = heads[start];
  if (entry === undefined) return;
  for (;;) {
    const left = heads[2 * place + 1];
    const right = heads[2 * place + 2];
    if (left === undefined) break;
    const isRight = right !== undefined && isBefore(right, left, compareTies);
    const child = isRight ? right : left;
    if (!isBefore(child, entry, compareTies)) break;
    heads[place] = child;
    place = 2 * place + (isRight ? 2 : 1);
  }
  heads[place] = entry;
}
