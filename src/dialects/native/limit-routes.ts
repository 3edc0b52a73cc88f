/** Routes about the limits of tenants, and of collections for the tenants that have none. */
import { TURN_WEIGHT_MAX, TURN_WEIGHT_MIN } from "../../base/limits.ts";
import { LIMIT_MAX, LIMIT_RATE_MIN, type LimitsPatch } from "../../model/index.ts";
import { LIMITS_ANSWER } from "./usage-answers.ts";
import { COLLECTION_PATTERN } from "./catalog-routes.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { placeOf, withBody, type Route } from "./route.ts";
import { integer, nullable, numberIn, object, optional, type Schema } from "./schema.ts";

function rate(what: string): Schema<number | null | undefined> {
  return optional(nullable(numberIn(LIMIT_RATE_MIN, LIMIT_MAX, `${what} a second; null: none`)));
}

const LIMITS_BODY = object(
  {
    queriesPerSecond: rate("searches"),
    writesPerSecond: rate("calls that write or delete"),
    bytesPerSecond: rate("bytes, in and out"),
    workUnitsPerSecond: rate("work units"),
    callsInFlight: optional(nullable(integer(1, LIMIT_MAX, "calls under way at once"))),
    storedRecords: optional(nullable(integer(0, LIMIT_MAX, "records that may be held"))),
    storedBytes: optional(nullable(integer(0, LIMIT_MAX, "bytes that may be held"))),
    weight: optional(
      nullable(numberIn(TURN_WEIGHT_MIN, TURN_WEIGHT_MAX, "share in the turns; null: 1")),
    ),
  },
  "A number sets, null removes, what is not named stays.",
);

function routesOf(pattern: string, what: "Collection" | "Tenant"): readonly Route[] {
  const shared = { pattern: `${pattern}/limits`, area: "admin", status: 200 } as const;
  const whose = what === "Tenant" ? "Of a tenant" : "Of tenants that have none of their own";
  return [
    {
      ...shared,
      method: "GET",
      operation: `Get${what}Limits`,
      summary: `${whose}: limits set here, and those that hold.`,
      answers: LIMITS_ANSWER,
      run: (call) => call.context.engine.getLimits(placeOf(call)),
    },
    withBody({
      ...shared,
      method: "PATCH",
      operation: `Set${what}Limits`,
      summary: `${whose}: sets and removes limits; in force for the next call.`,
      answers: LIMITS_ANSWER,
      takes: { schema: LIMITS_BODY, bytesMax: NATIVE_LIMITS.catalogBodyBytesMax },
      run: (call, body) => call.context.engine.setLimits(placeOf(call), toPatch(body)),
    }),
  ];
}

/** Without what is not named. */
function toPatch(
  body: Readonly<Record<keyof LimitsPatch, number | null | undefined>>,
): LimitsPatch {
  const named = Object.entries(body).filter(([, value]) => value !== undefined);
  return Object.fromEntries(named);
}

export const LIMIT_ROUTES: readonly Route[] = [
  ...routesOf(COLLECTION_PATTERN, "Collection"),
  ...routesOf(`${COLLECTION_PATTERN}/tenants/:tenant`, "Tenant"),
];
