/** What every call on a shard out of service is told. */
import { InsulaError } from "../base/errors.ts";

/** @param reason as it stands in the shard's row: which file, and what is wrong with it. */
export function quarantineError(reason: string): InsulaError {
  const end = reason.endsWith(".") ? "" : ".";
  return new InsulaError(
    "data_damaged",
    `Cannot use the data: they are damaged and out of service: ${reason}${end} Nothing else is ` +
      "affected. Restore them from a backup, or delete the tenant (the collection, if it has no " +
      "tenants) and write it anew.",
    { details: { quarantined: true } },
  );
}
