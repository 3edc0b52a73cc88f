/** The check of a batch, all of it at once. */
import { atOnce } from "../base/at-once.contract.ts";
import { batchCheck, type BatchSize } from "./record-check.ts";
import type { WriteBatch } from "./record.ts";
import type { Schema } from "./schema.ts";

/** As {@link batchCheck}. */
export function checkBatch(schema: Schema, batch: WriteBatch): BatchSize {
  return atOnce(batchCheck(schema, batch));
}
