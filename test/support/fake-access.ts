/** The keys of a bench: grants without patterns other than `*`. */
import type { AccessControl, KnownKey } from "../../src/access/index.ts";

export function fakeAccess(accountId: string, keys: ReadonlyMap<string, KnownKey>): AccessControl {
  const access: Pick<AccessControl, "accountId" | "findKey" | "isAllowed"> = {
    accountId,
    findKey: (keyId) => Promise.resolve(keys.get(keyId)),
    isAllowed: (principal, action, { database }) =>
      principal.kind === "admin" ||
      principal.grants.some(
        ({ actions, databases }) =>
          actions.some((name) => name === "*" || name === action) &&
          databases.some((name) => name === "*" || name === database),
      ),
  };
  return access as AccessControl;
}
