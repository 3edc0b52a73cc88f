/** How many, how large and which: the same whatever way the data are kept. */
import type { Report } from "../support/report.ts";
import { clusteredVectors, SeededNumbers } from "../support/clustered-vectors.ts";
import { rowOf } from "../support/engine-folder.ts";

export const DIMENSION = 64;
export const LARGE_DIMENSION = 384;
export const LARGE_ROWS = 1_000;
/** 1 KiB of numbers. */
const ROWS_MIN = 4;
/** 2 MiB of numbers, the one of rank 1. */
const ROWS_MAX = 8_192;
const TOP_K = 10;

export class Sizes {
  readonly count: number;
  readonly largeCount: number;
  readonly samples: number;
  readonly turns: number;

  constructor(report: Report) {
    this.count = report.size("tenants");
    this.largeCount = report.size("large");
    this.turns = report.size("repetitions");
    // Woken, written to and erased are different ones.
    this.samples = Math.min(report.size("samples"), Math.floor(this.count / 3));
  }

  /** What data in a kept folder were made with. */
  get stamp(): string {
    return JSON.stringify({ count: this.count, largeCount: this.largeCount });
  }

  /** By Zipf's law; a prime step: neighbours in name are not neighbours in size. */
  rowsOf(i: number): number {
    const rank = 1 + ((i * 7_919) % this.count);
    return Math.max(ROWS_MIN, Math.floor(ROWS_MAX / rank));
  }

  /** Of all numbers as float32. */
  get bytes(): number {
    let rows = 0;
    for (let i = 0; i < this.count; i++) rows += this.rowsOf(i);
    return rows * DIMENSION * 4 + this.largeCount * LARGE_ROWS * LARGE_DIMENSION * 4;
  }

  /** Names at random, none of them twice, in three parts of `samples`. */
  pick(): { readonly woken: string[]; readonly written: string[]; readonly erased: string[] } {
    const random = new SeededNumbers(9);
    const picked = new Set<number>();
    while (picked.size < 3 * this.samples) picked.add(random.below(this.count));
    const names = [...picked].map(nameOf);
    const part = (n: number): string[] => names.slice(n * this.samples, (n + 1) * this.samples);
    // A tenth: few tell as much as many.
    const erased = part(2).slice(0, Math.ceil(this.samples / 10));
    return { woken: part(0), written: part(1), erased };
  }
}

export function nameOf(i: number): string {
  return `t${String(i).padStart(7, "0")}`;
}

export function numberOf(name: string): number {
  return Number(name.slice(1));
}

/** Making one takes milliseconds, and it is asked for while time is taken. */
const made = new Map<string, Float32Array>();

export function vectorOf(dimension: number, seed: number): Float32Array {
  const name = `${String(dimension)}/${String(seed % 16)}`;
  const known = made.get(name);
  if (known !== undefined) return known;
  const source = clusteredVectors(dimension, 100, 100 + (seed % 16));
  const vector = rowOf(source.next(1), dimension, 0);
  made.set(name, vector);
  return vector;
}

export function searchOf(
  dimension: number,
  seed: number,
): { readonly vector: Float32Array; readonly topK: number } {
  return { vector: vectorOf(dimension, seed), topK: TOP_K };
}
