/** What a collection does by itself with its tenants: part of its row, changed with it. */
import { InsulaError } from "../base/errors.ts";
import { NO_POLICY, patchPolicy } from "../model/index.ts";
import type { CollectionOptions } from "./api.ts";
import type { CollectionRow } from "./catalog-rows.ts";

export type TenantRules = Pick<CollectionRow, "createsTenants" | "activatesTenants" | "policy">;

/** Of a collection that nobody said anything about, and of every one that is older. */
export const DEFAULT_RULES: TenantRules = {
  createsTenants: true,
  activatesTenants: false,
  policy: NO_POLICY,
};

/** @throws InsulaError `argument_invalid`, also for rules of a collection without tenants. */
export function patchRules(
  rules: TenantRules,
  { createsTenants, activatesTenants, policy }: Pick<CollectionOptions, keyof TenantRules>,
  { isMultiTenant, nowMs }: { readonly isMultiTenant: boolean; readonly nowMs: number },
): TenantRules {
  const given = [createsTenants, activatesTenants, policy];
  if (!isMultiTenant && given.some((rule) => rule !== undefined)) {
    throw new InsulaError(
      "argument_invalid",
      "Cannot set createsTenants, activatesTenants or policy: the collection has no tenants.",
    );
  }
  return {
    createsTenants: createsTenants ?? rules.createsTenants,
    activatesTenants: activatesTenants ?? rules.activatesTenants,
    policy: policy === undefined ? rules.policy : patchPolicy(rules.policy, policy, nowMs),
  };
}
