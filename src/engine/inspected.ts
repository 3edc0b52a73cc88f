/** What is shown of one file of a data folder. */
import type { FolderReadOptions } from "./folder-keys.ts";

export type InspectedCell = string | number | boolean;
export type InspectedRow = Readonly<Record<string, InspectedCell>>;

export interface InspectedPart {
  readonly title: string;
  readonly rows: readonly InspectedRow[];
  /** True when there are more rows than were asked for. */
  readonly isCut: boolean;
}

export interface InspectedFile {
  readonly file: string;
  readonly kind: "log" | "segment" | "pack" | "table" | "manifest";
  readonly facts: InspectedRow;
  readonly parts: readonly InspectedPart[];
}

export interface InspectOptions extends FolderReadOptions {
  /** Rows of each part. */
  readonly rowsMax: number;
  /** Also the records of a segment, with their metadata. */
  readonly isWithRecords: boolean;
}
