/** The policy of a collection, as bodies and answers have it. */
import type { TenantPolicyPatch } from "../../model/index.ts";
import { nullable, object, optional, text, type Schema } from "./schema.ts";

const INACTIVE_AFTER = "idle for so long an ACTIVE tenant becomes INACTIVE: 30m, 12h, 7d";
const OFFLOAD_AFTER = "idle for so long a tenant is OFFLOADED";

export const POLICY_BODY: Schema<TenantPolicyPatch> = object(
  {
    inactiveAfter: optional(nullable(text(INACTIVE_AFTER))),
    offloadAfter: optional(nullable(text(OFFLOAD_AFTER))),
  },
  "with tenants: what becomes of those that nobody uses; null takes a part away",
);

export const POLICY_ANSWER: Schema<unknown> = object(
  { inactiveAfter: optional(text(INACTIVE_AFTER)), offloadAfter: optional(text(OFFLOAD_AFTER)) },
  "what becomes of tenants that nobody uses; absent: nothing",
);
