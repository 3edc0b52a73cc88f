/** What a grant covers, and whether a grant that somebody asks for can be given. */
import { InsulaError } from "../base/errors.ts";
import type { ActionTarget, Grant, Principal } from "./access-control.ts";
import { grantsAction, isGrantedAction } from "./actions.ts";
import { GRANTS_MAX, PATTERN_CHARS_MAX, PATTERNS_MAX } from "./limits.ts";
import { matchesAny } from "./pattern.ts";

/** Whether the grant allows the action on exactly this target. */
export function coversTarget(grant: Grant, action: string, target: ActionTarget): boolean {
  const { database, collection, tenant } = target;
  return (
    grantsAction(grant.actions, action) &&
    (database === undefined
      ? grant.databases.includes("*") && grant.collections === undefined
      : matchesAny(grant.databases, database)) &&
    matchesLevel(grant.collections, collection) &&
    matchesLevel(grant.tenants, tenant)
  );
}

/** Whether the grant allows the action on something within the target. */
export function coversWithin(grant: Grant, action: string, target: ActionTarget): boolean {
  const { database, collection, tenant } = target;
  return (
    grantsAction(grant.actions, action) &&
    (database === undefined || matchesAny(grant.databases, database)) &&
    (collection === undefined || matchesLevel(grant.collections, collection)) &&
    (tenant === undefined || matchesLevel(grant.tenants, tenant))
  );
}

function matchesLevel(patterns: readonly string[] | undefined, name: string | undefined): boolean {
  return patterns === undefined || (name !== undefined && matchesAny(patterns, name));
}

/**
 * The tenant that a key means when a call about a collection names none: the only one its grants on
 * that collection speak of, by its full name. undefined when there is none, or more than one.
 */
export function boundTenant(
  principal: Principal,
  place: { readonly database: string; readonly collection: string },
): string | undefined {
  let bound: string | undefined;
  for (const { databases, collections, tenants } of principal.grants) {
    if (!matchesAny(databases, place.database)) continue;
    if (!matchesLevel(collections, place.collection)) continue;
    const [name, ...others] = tenants ?? [];
    if (name === undefined || others.length > 0 || name.includes("*")) return undefined;
    if (bound !== undefined && bound !== name) return undefined;
    bound = name;
  }
  return bound;
}

/** A copy with nothing but what a grant has. @throws InsulaError `argument_invalid` */
export function checkGrants(grants: readonly Grant[]): readonly Grant[] {
  if (grants.length < 1 || grants.length > GRANTS_MAX) {
    throw refused(`it needs 1 to ${String(GRANTS_MAX)} grants`);
  }
  return grants.map(checkGrant);
}

function checkGrant({ actions, databases, collections, tenants }: Grant): Grant {
  for (const list of [actions, databases, collections, tenants]) checkPatterns(list);
  if (tenants !== undefined && collections === undefined) {
    throw refused("a grant on tenants needs the collections they are in");
  }
  if (!actions.every(isGrantedAction)) {
    throw refused(
      "an action must be read, write, admin, * or <area>:<Operation>, for example vectors:Query*",
    );
  }
  return {
    actions: [...actions],
    databases: [...databases],
    ...(collections === undefined ? {} : { collections: [...collections] }),
    ...(tenants === undefined ? {} : { tenants: [...tenants] }),
  };
}

function checkPatterns(list: readonly string[] | undefined): void {
  if (list === undefined) return;
  if (list.length < 1 || list.length > PATTERNS_MAX) {
    throw refused(`each list of a grant needs 1 to ${String(PATTERNS_MAX)} patterns`);
  }
  if (list.some((pattern) => pattern === "" || pattern.length > PATTERN_CHARS_MAX)) {
    throw refused(`a pattern must have 1 to ${String(PATTERN_CHARS_MAX)} characters`);
  }
}

/** How a key that cannot be made is refused. */
export function refused(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot create the access key: ${reason}.`);
}
