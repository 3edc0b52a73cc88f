/** The audit log of a server, where its configuration wants one. */
import { basename, dirname, resolve } from "node:path";
import { openAuditLog, type AuditLog } from "../access/index.ts";
import { NodeFileSystem, type Clock, type FileSystem } from "../io/index.ts";
import type { ServerConfig } from "./config.ts";
import type { Log } from "./log.ts";

/** File in the data folder. */
const AUDIT_LOG_PATH = "audit.log";

/**
 * undefined when it is off. A file that cannot be opened stops the start; one that cannot be
 * written later does not stop the server, which says so in its log.
 *
 * @throws InsulaError `io_failed`, `disk_full`
 */
export async function openAudit(
  { auditLog }: Pick<ServerConfig, "auditLog">,
  parts: { readonly files: FileSystem; readonly clock: Clock },
  log: Log,
): Promise<AuditLog | undefined> {
  if (auditLog === "off") return undefined;
  const file = resolve(auditLog);
  const place =
    auditLog === "on"
      ? { files: parts.files, path: AUDIT_LOG_PATH }
      : { files: new NodeFileSystem(dirname(file)), path: basename(file) };
  return openAuditLog({
    ...place,
    clock: parts.clock,
    onTrouble: (error) => {
      log.error(
        { err: error },
        "The audit log cannot be written: decisions are lost until it can, and counted there.",
      );
    },
  });
}
