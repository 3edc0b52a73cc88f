/** Where the rows of a file of vectors lie, and what its numbers are. */
export type MatrixNumber = "float32" | "float64" | "int32";

export interface MatrixLayout {
  readonly rows: number;
  readonly dimension: number;
  /** Bytes before the first row. */
  readonly start: number;
  /** Bytes before the numbers of each row: the row's own dimension in fvecs. */
  readonly rowHead: number;
  readonly number: MatrixNumber;
}
