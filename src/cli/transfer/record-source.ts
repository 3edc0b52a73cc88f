/** Where the records of an import come from: one file format each, read in batches from a place. */
import type { WriteBatch } from "../../model/index.ts";
import type { PassedOver } from "./passed-over.ts";

/** A place between two records of one file; a source can be opened at it again. */
export interface SourcePosition {
  /** Records of this file before the place. */
  readonly records: number;
  /** Bytes of this file before the place; for formats of fixed rows it follows from the records. */
  readonly bytes: number;
}

export const SOURCE_START: SourcePosition = { records: 0, bytes: 0 };

/** Records of one tenant that are written together. */
export interface SourceBatch {
  /** Absent: the tenant named on the command line, or none. */
  readonly tenant: string | undefined;
  /** Absent: the one named on the command line. */
  readonly collection?: string;
  readonly batch: WriteBatch;
  /** Behind the last record of the batch. */
  readonly end: SourcePosition;
}

/** What a collection must have for the records of a source. */
export interface SourceShape {
  /** By field name; empty when the source has no record. */
  readonly dimensions: ReadonlyMap<string, number>;
  /** Of the first record; undefined for none. */
  readonly sparseFields?: readonly string[];
  readonly hasTenants: boolean;
}

export interface BatchBounds {
  readonly recordsMax: number;
  /** Bytes of vectors, about; metadata comes on top. */
  readonly bytesMax: number;
}

export interface RecordSource {
  /** As given by the user, for messages. */
  readonly path: string;
  /** Bytes in all, for the progress; undefined for standard input. */
  readonly byteLength: number | undefined;
  /** Records of other collections that the last reading passed over so far. */
  readonly passedOver?: PassedOver;
  /** Reads the first record. */
  shape(): Promise<SourceShape>;
  /**
   * Batches from a place on. No key stands twice in one batch.
   *
   * @throws CommandError with file and place for what cannot be read.
   */
  batches(from: SourcePosition, bounds: BatchBounds): AsyncIterable<SourceBatch>;
}
