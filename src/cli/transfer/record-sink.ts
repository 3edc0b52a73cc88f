/** Where exported records go: one file format each. */
import type { RecordView } from "../../model/index.ts";

export interface ExportedRecord {
  /** Set when the file holds several tenants. */
  readonly tenant: string | undefined;
  readonly record: RecordView;
}

export interface RecordSink {
  write(records: readonly ExportedRecord[]): Promise<void>;
  /** The file is whole and on disk. */
  finish(): Promise<void>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}
