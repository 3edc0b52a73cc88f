/** Whether a key may know of backups and restores, which belong to an index by its name. */
import { InsulaError } from "../../../../base/errors.ts";
import type { Right } from "../../operations/call.ts";
import type { ControlCall } from "../call.ts";

/** @throws InsulaError `permission_denied` when the key has it in no index of the project. */
export function authorizeWithin({ server, caller }: ControlCall, right: Right): void {
  const target = { database: caller.project };
  caller.trail.aim(target);
  if (server.context.access.isAllowedWithin(caller.principal, right, target)) return;
  throw new InsulaError("permission_denied", "Cannot answer: the key has no right to this.");
}

export function isAllowedFor(
  { server, caller }: ControlCall,
  right: Right,
  collection: string,
): boolean {
  const target = { database: caller.project, collection };
  return server.context.access.isAllowed(caller.principal, right, target);
}

export function missing(what: string, id: string): InsulaError {
  return new InsulaError(
    "backup_not_found",
    `${what} ${JSON.stringify(id.slice(0, 64))} not found`,
  );
}
