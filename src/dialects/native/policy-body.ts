/** The policy of a collection, as bodies and answers have it. */
import { WEEKDAYS, type TenantPolicyPatch, type WarmSchedule } from "../../model/index.ts";
import {
  NAME_BYTES_MAX,
  PINS_MAX,
  WARM_SCHEDULES_MAX,
  WARM_SCHEDULE_TENANTS_MAX,
} from "../../base/limits.ts";
import {
  choice,
  list,
  members,
  nullable,
  number,
  object,
  optional,
  text,
  type JsonSchema,
  type Schema,
} from "./schema.ts";

const INACTIVE_AFTER = "idle for so long an ACTIVE tenant becomes INACTIVE: 30m, 12h, 7d";
const OFFLOAD_AFTER = "idle for so long a tenant is OFFLOADED";
const MEMORY_SHARE = "of the node's memory, that its tenants may hold together: 0.001 to 1";

const TENANT = text(`a name or a pattern, ${String(NAME_BYTES_MAX)} bytes at most`);

function pins(description: string): Schema<readonly string[]> {
  return list(TENANT, PINS_MAX, description);
}

const SCHEDULE: Schema<WarmSchedule> = object(
  {
    tenants: list(TENANT, WARM_SCHEDULE_TENANTS_MAX, "who is woken and kept"),
    days: list(choice(WEEKDAYS, "a day"), WEEKDAYS.length, "when the window opens, in the zone"),
    from: text("time of day, HH:MM: 00:00 to 23:59"),
    to: text("the same, or 24:00; at or before from it is of the next day"),
    zone: text("of the IANA data base: Europe/Berlin, UTC"),
  },
  "a window in which tenants are woken and kept awake and ACTIVE",
);

/** By the names of the schedules. */
function schedules<Value>(schedule: Schema<Value>, description: string): Schema<Named<Value>> {
  const json: JsonSchema = {
    description,
    additionalProperties: schedule.json,
    maxProperties: WARM_SCHEDULES_MAX,
  };
  return members(json, (given, at) => {
    const all = Object.entries(given);
    return Object.fromEntries(
      all.map(([name, value]) => [name, schedule.read(value, `${at}.${name}`, [])]),
    );
  });
}

type Named<Value> = Readonly<Record<string, Value>>;

export const POLICY_BODY: Schema<TenantPolicyPatch> = object(
  {
    inactiveAfter: optional(nullable(text(INACTIVE_AFTER))),
    offloadAfter: optional(nullable(text(OFFLOAD_AFTER))),
    memoryShare: optional(nullable(number(MEMORY_SHARE))),
    pin: optional(nullable(pins("tenants that stay awake and ACTIVE; all of them"))),
    alsoPin: optional(pins("besides those that are pinned")),
    unpin: optional(pins("as they were pinned")),
    warm: optional(
      nullable(schedules(nullable(SCHEDULE), "by name: each that is named; null takes it away")),
    ),
  },
  "with tenants: what becomes of them by itself; null takes a part away",
);

export const POLICY_ANSWER: Schema<unknown> = object(
  {
    inactiveAfter: optional(text(INACTIVE_AFTER)),
    offloadAfter: optional(text(OFFLOAD_AFTER)),
    memoryShare: optional(number(MEMORY_SHARE)),
    pin: optional(pins("tenants that stay awake and ACTIVE")),
    warm: optional(schedules(SCHEDULE, "warm schedules, by name")),
  },
  "what becomes of its tenants by itself; absent: nothing",
);
