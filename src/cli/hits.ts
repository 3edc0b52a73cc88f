/** Found records as people and programs see them. */
import type { Hit, Place } from "../model/index.ts";
import { TEXT_PROPERTY } from "./ingest.ts";
import type { Output } from "./output.ts";
import { nameOfPlace } from "./place-options.ts";

/** A hit, with where it is from when many places were searched, and a reranker's word. */
export interface FoundHit extends Hit {
  readonly place?: Place;
  readonly relevance?: number;
}

/** Characters of a found text that are printed at most. */
const SNIPPET_LENGTH = 160;

/** For `--json`. */
export function toResult({ place, key, distance, relevance, metadata }: FoundHit): object {
  return {
    ...(place !== undefined && { place }),
    key,
    distance,
    ...(relevance !== undefined && { relevance }),
    metadata,
  };
}

/** The text a record was made of; undefined for one that `put` did not write. */
export function textOf({ metadata }: Hit): string | undefined {
  const text = metadata?.[TEXT_PROPERTY];
  return typeof text === "string" ? text : undefined;
}

/** Two lines for each hit: place, distance and key, then the beginning of its text. */
export function printHits(output: Output, hits: readonly FoundHit[]): string {
  if (hits.length === 0) return "Nothing found.";
  return hits.map((hit, i) => printHit(output, hit, i + 1)).join("\n");
}

function printHit(output: Output, hit: FoundHit, rank: number): string {
  const { key, distance, place } = hit;
  const origin = place === undefined ? "" : `  ${output.dim(nameOfPlace(place))}`;
  const heading = `${String(rank).padStart(2)}  ${distance.toFixed(4)}  ${output.bold(key)}${origin}`;
  const text = (textOf(hit) ?? "").replace(/\s+/g, " ");
  if (text === "") return heading;
  const width = Math.min(SNIPPET_LENGTH, output.columns - 4);
  const snippet = text.length <= width ? text : `${text.slice(0, width - 1).trimEnd()}…`;
  return `${heading}\n    ${output.dim(snippet)}`;
}
