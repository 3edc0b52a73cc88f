/** The policy of a collection, as bodies and answers have it. */
import type { TenantPolicyPatch } from "../../model/index.ts";
import { NAME_BYTES_MAX, PINS_MAX } from "../../base/limits.ts";
import { list, nullable, number, object, optional, text, type Schema } from "./schema.ts";

const INACTIVE_AFTER = "idle for so long an ACTIVE tenant becomes INACTIVE: 30m, 12h, 7d";
const OFFLOAD_AFTER = "idle for so long a tenant is OFFLOADED";
const MEMORY_SHARE = "of the node's memory, that its tenants may hold together: 0.001 to 1";

function pins(description: string): Schema<readonly string[]> {
  const pin = text(`a name or a pattern, ${String(NAME_BYTES_MAX)} bytes at most`);
  return list(pin, PINS_MAX, description);
}

export const POLICY_BODY: Schema<TenantPolicyPatch> = object(
  {
    inactiveAfter: optional(nullable(text(INACTIVE_AFTER))),
    offloadAfter: optional(nullable(text(OFFLOAD_AFTER))),
    memoryShare: optional(nullable(number(MEMORY_SHARE))),
    pin: optional(nullable(pins("tenants that stay awake and ACTIVE; all of them"))),
    alsoPin: optional(pins("besides those that are pinned")),
    unpin: optional(pins("as they were pinned")),
  },
  "with tenants: what becomes of them by itself; null takes a part away",
);

export const POLICY_ANSWER: Schema<unknown> = object(
  {
    inactiveAfter: optional(text(INACTIVE_AFTER)),
    offloadAfter: optional(text(OFFLOAD_AFTER)),
    memoryShare: optional(number(MEMORY_SHARE)),
    pin: optional(pins("tenants that stay awake and ACTIVE")),
  },
  "what becomes of its tenants by itself; absent: nothing",
);
