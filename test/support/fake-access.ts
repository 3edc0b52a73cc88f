/** The keys of a bench: grants without patterns other than `*`. */
import type { AccessControl, ActionTarget, KnownKey, Principal } from "../../src/access/index.ts";

export function fakeAccess(accountId: string, keys: ReadonlyMap<string, KnownKey>): AccessControl {
  const isAllowed = (principal: Principal, action: string, { database }: ActionTarget): boolean =>
    principal.kind === "admin" ||
    principal.grants.some(
      ({ actions, databases }) =>
        actions.some((name) => name === "*" || name === action) &&
        databases.some((name) => name === "*" || name === database),
    );
  const access: Pick<
    AccessControl,
    "accountId" | "findKey" | "isAllowed" | "isAllowedWithin" | "admit"
  > = {
    accountId,
    findKey: (keyId) => Promise.resolve(keys.get(keyId)),
    admit: () => undefined,
    isAllowed,
    isAllowedWithin: isAllowed,
  };
  return access as AccessControl;
}
