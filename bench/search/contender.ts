/** What a bench of searches compares: an index of one package over the same rows. */

/** Labels of the rows found, nearest first. */
export type Found = readonly number[];

export interface RowFilter {
  /** Property of the rows that is compared. */
  readonly property: "bucket" | "side";
  /** Rows whose property is below it match. */
  readonly below: number;
}

export interface Contender {
  readonly name: string;
  readonly buildSeconds: number;
  /** Of all threads, which other programs on the machine lengthen less. */
  readonly buildCpuSeconds?: number;
  /** Growth of the process; what its own count says where it has one. */
  readonly memoryBytes: number;
  readonly fileBytes: number;
  /** From the closed files to the first answer. */
  readonly openMs: number;
  /** The settings of breadth to try, narrow to broad. What they mean is its own business. */
  readonly breadths: readonly number[];
  setBreadth(breadth: number): Promise<void> | void;
  search(query: Float32Array, k: number): Promise<Found> | Found;
  /** False while searches still bring rows into memory; absent where all are from the start. */
  isWarm?(): Promise<boolean>;
  /** Undefined when the package cannot filter. */
  readonly searchFiltered?: (
    query: Float32Array,
    k: number,
    filter: RowFilter,
  ) => Promise<Found> | Found;
  close(): Promise<void> | void;
}

/** The rows all contenders hold, row-major, and the properties to filter by. */
export interface SearchData {
  readonly title: string;
  readonly dimension: number;
  readonly rowCount: number;
  readonly rows: Float32Array;
  readonly queries: readonly Float32Array[];
  /** 0 to 999, by chance. */
  readonly buckets: Uint16Array;
  /** 0 to 999: rank of the row along one direction, so that it goes with the vectors. */
  readonly sides: Uint16Array;
}

/** What a contender is made with. */
export interface Workshop {
  readonly data: SearchData;
  /** Insula has codes and graph in memory, and float32 rows in their file. */
  readonly isFloat32OnDisk: boolean;
  /** A folder of its own; what an earlier run of the same rows left there is used again. */
  readonly folder: string;
  readonly tell: (text: string) => void;
  readonly load: (wanted: string) => Promise<unknown>;
}

export const GRAPH_M = 16;
export const EF_CONSTRUCTION = 128;
export const EFS: readonly number[] = [10, 20, 40, 80, 160, 320];

export function rowAt({ rows, dimension }: SearchData, i: number): Float32Array {
  return rows.subarray(i * dimension, (i + 1) * dimension);
}

export function residentBytes(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().rss;
}
