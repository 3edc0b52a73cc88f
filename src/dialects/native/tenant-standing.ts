/** What answers say of how a tenant came into its state, and what keeps it there. */
import { TENANT_STATES, type TenantState } from "../../model/index.ts";
import { choice, count, object, optional, text, type Schema } from "./schema.ts";

export const state: Schema<TenantState> = choice(
  TENANT_STATES,
  "what was asked of the tenant; not whether its data are in memory",
);

export const TENANT_STANDING: Readonly<Record<string, Schema<unknown>>> = {
  lastChange: optional(
    object(
      {
        from: state,
        reason: choice(
          ["asked", "used", "policy", "schedule"],
          "used: by a call about the records of an INACTIVE one; " +
            "policy, or a warm schedule: of its collection",
        ),
        atMs: count("milliseconds since 1970"),
        idleMs: optional(count("of policy: milliseconds that nobody had used it for sure")),
        schedule: optional(text("of schedule: its name")),
      },
      "how it came into its state; absent while it is what it was made",
    ),
  ),
  lastUsedAtMs: optional(count("ms since 1970, an hour too early at most; absent: never used")),
  pinnedBy: optional(text("which pin keeps it awake and ACTIVE; of one that is asked for")),
  keptWarm: optional(
    object(
      { schedule: text("its name"), untilMs: count("milliseconds since 1970") },
      "by which open warm schedule, until its window closes; of one that is asked for",
    ),
  ),
};
