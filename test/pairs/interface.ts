/**
 * One face over every way to write and read records, so that each can be paired with each. Values
 * are those of the model: an interface reads its own notation of them and nothing more, so what it
 * cannot say is seen as what a caller would get.
 */
import type { Metadata } from "../../src/model/index.ts";

export interface IndexPlace {
  readonly database: string;
  readonly collection: string;
}

export interface IndexShape {
  readonly dimension: number;
  readonly metric: "cosine" | "euclidean" | "dot";
}

export interface PairRecord {
  readonly key: string;
  /** Float32: answers in JSON have the fewest digits that give the number back. */
  readonly vector: readonly number[];
  readonly metadata?: Metadata;
}

/** A hit of a search; without its vector. */
export interface PairHit {
  readonly key: string;
  readonly distance: number;
  readonly metadata?: Metadata;
}

export interface PairSearch {
  readonly vector: readonly number[];
  readonly topK: number;
  /** In the `$` notation, which all have in common. */
  readonly where?: Readonly<Record<string, unknown>>;
}

/** What every interface can do. */
export interface PairInterface {
  readonly name: string;
  createDatabase(database: string): Promise<void>;
  createIndex(place: IndexPlace, shape: IndexShape): Promise<void>;
  put(place: IndexPlace, records: readonly PairRecord[]): Promise<void>;
  /** All records of the place, by key bytes. */
  list(place: IndexPlace): Promise<readonly PairRecord[]>;
  /** Absent: the interface has no such call. */
  readonly point?: PointCalls;
}

export interface PointCalls {
  /** In the order asked; records that are not there are left out. */
  get(place: IndexPlace, keys: readonly string[]): Promise<readonly PairRecord[]>;
  query(place: IndexPlace, search: PairSearch): Promise<readonly PairHit[]>;
  delete(place: IndexPlace, keys: readonly string[]): Promise<void>;
}

/** What an interface answered instead of doing it: its own status and code. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(`${String(status)} ${code}: ${message}`);
    this.status = status;
    this.code = code;
  }
}
