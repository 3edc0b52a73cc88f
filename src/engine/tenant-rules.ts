/** What a collection does by itself with its tenants: part of its row, changed with it. */
import { InsulaError } from "../base/errors.ts";
import type { CollectionOptions } from "./api.ts";
import type { CollectionRow } from "./catalog-rows.ts";

export type TenantRules = Pick<CollectionRow, "createsTenants" | "activatesTenants">;

/** Of a collection that nobody said anything about, and of every one that is older. */
export const DEFAULT_RULES: TenantRules = { createsTenants: true, activatesTenants: false };

/** @throws InsulaError `argument_invalid` for rules of a collection without tenants. */
export function patchRules(
  rules: TenantRules,
  patch: Pick<CollectionOptions, "createsTenants" | "activatesTenants">,
  isMultiTenant: boolean,
): TenantRules {
  const { createsTenants, activatesTenants } = patch;
  if (!isMultiTenant && (createsTenants !== undefined || activatesTenants !== undefined)) {
    throw new InsulaError(
      "argument_invalid",
      "Cannot set createsTenants or activatesTenants: the collection has no tenants.",
    );
  }
  return {
    createsTenants: createsTenants ?? rules.createsTenants,
    activatesTenants: activatesTenants ?? rules.activatesTenants,
  };
}
