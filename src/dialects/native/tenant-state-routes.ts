/** Routes about the states of tenants: of one, and of many slice by slice. */
import {
  FAILURES_TOLD_MAX,
  PAGE_ITEMS_MAX,
  TENANTS_NAMED_MAX,
  WINDOWS_TOLD_MAX,
} from "../../base/limits.ts";
import type { TenantStatesSlice, TenantsRequest, TenantWarmRequest } from "../../engine/api.ts";
import type { RequestedState } from "../../model/index.ts";
import { TENANT_ANSWER } from "./answers.ts";
import { COLLECTION_PATTERN } from "./catalog-routes.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { POLICY_BODY } from "./policy-body.ts";
import { toProblem } from "./problem.ts";
import { withBody, type Route } from "./route.ts";
import {
  choice,
  count,
  flag,
  integer,
  list,
  members,
  object,
  optional,
  text,
  type Schema,
} from "./schema.ts";

const STATES: readonly RequestedState[] = ["ACTIVE", "INACTIVE", "OFFLOADED"];
const state = choice(STATES, "what the tenant is asked to be");

const CHOICE = {
  names: optional(list(text("of a tenant"), TENANTS_NAMED_MAX, "which; or pattern")),
  pattern: optional(
    text("which, by name: * any text, ? one character, \\\\ before a sign that is meant itself"),
  ),
  after: optional(text("goes on behind this name")),
  limit: optional(integer(1, PAGE_ITEMS_MAX, "names looked at in this call; default 1,000")),
};

const MANY_BODY = object({ state, ...CHOICE }, "One slice of a change of many tenants.");
const WARM_BODY = object(
  {
    ...CHOICE,
    schedule: optional(text("those of this warm schedule, in place of names and pattern")),
    isDryRun: optional(flag("tells who would be woken, and wakes nobody; default false")),
    policy: optional(POLICY_BODY),
  },
  "One slice of many tenants to wake; policy only with isDryRun: as if that were the collection's.",
);

export const FAILURE_ANSWER: Schema<unknown> = object(
  { tenant: text("its name"), problem: members({}, (value) => value) },
  "a tenant and its problem",
);

const OUTCOMES = {
  changed: count("tenants"),
  unchanged: count("tenants that were so already"),
  missing: count("named, and not there"),
  failed: count("tenants"),
  failures: list(FAILURE_ANSWER, FAILURES_TOLD_MAX, "the first of those that failed"),
  next: optional(text("send it as after for the next slice; absent: there is none")),
};

const MANY_ANSWER = object(OUTCOMES, "what came of this slice");

const WARM_ANSWER = object(
  {
    ...OUTCOMES,
    names: optional(list(text("of a tenant"), PAGE_ITEMS_MAX, "of a dry run: to be woken")),
    windows: optional(
      list(
        object(
          { fromMs: count("milliseconds since 1970"), toMs: count("the same, not part of it") },
          "a window",
        ),
        WINDOWS_TOLD_MAX,
        "of a schedule: the next ones; the first may be open",
      ),
    ),
  },
  "what came of this slice, or of a dry run would",
);

export const TENANT_STATE_ROUTES: readonly Route[] = [
  withBody({
    method: "PUT",
    pattern: `${COLLECTION_PATTERN}/tenants/:tenant/state`,
    operation: "SetTenantState",
    area: "admin",
    status: 200,
    summary: "Asks a tenant to be ACTIVE, INACTIVE or OFFLOADED; it is so when answered.",
    answers: TENANT_ANSWER,
    takes: {
      schema: object({ state }, "What it is asked to be."),
      bytesMax: NATIVE_LIMITS.catalogBodyBytesMax,
    },
    run: ({ context, database, collection, tenant = "" }, body) =>
      context.engine.setTenantState({ database, collection, tenant }, body.state),
  }),
  withBody({
    method: "POST",
    pattern: `${COLLECTION_PATTERN}/tenant-states`,
    operation: "SetTenantStates",
    area: "admin",
    status: 200,
    summary: "The same of many, in slices: repeat it with after until there is no next.",
    answers: MANY_ANSWER,
    takes: { schema: MANY_BODY, bytesMax: NATIVE_LIMITS.keysBodyBytesMax },
    run: async ({ context, database, collection, request }, { state: asked, ...choice }) => {
      const made = { ...toRequest(choice), state: asked };
      return toAnswer(await context.engine.setTenantStates(database, collection, made), request.id);
    },
  }),
  withBody({
    method: "POST",
    pattern: `${COLLECTION_PATTERN}/tenant-warmings`,
    operation: "WarmTenants",
    area: "admin",
    status: 200,
    summary: "Wakes many before they are needed, in slices; changed counts those that slept.",
    answers: WARM_ANSWER,
    takes: { schema: WARM_BODY, bytesMax: NATIVE_LIMITS.keysBodyBytesMax },
    run: async ({ context, database, collection, request }, body) => {
      const { schedule, isDryRun, policy, ...choice } = body;
      const asked: TenantWarmRequest = {
        ...toRequest(choice),
        ...(schedule === undefined ? {} : { schedule }),
        ...(isDryRun === undefined ? {} : { isDryRun }),
        ...(policy === undefined ? {} : { policy }),
      };
      return toAnswer(await context.engine.warmTenants(database, collection, asked), request.id);
    },
  }),
];

function toAnswer({ failures, ...slice }: TenantStatesSlice, requestId: string): object {
  return { ...slice, failures: toFailures(failures, requestId) };
}

export function toFailures(
  failures: TenantStatesSlice["failures"],
  requestId: string,
): readonly object[] {
  return failures.map(({ tenant, error }) => ({ tenant, problem: toProblem(error, requestId) }));
}

function toRequest({
  names,
  pattern,
  after,
  limit = NATIVE_LIMITS.tenantsChangedDefault,
}: {
  readonly names: readonly string[] | undefined;
  readonly pattern: string | undefined;
  readonly after: string | undefined;
  readonly limit: number | undefined;
}): TenantsRequest {
  return {
    limit,
    ...(names === undefined ? {} : { names }),
    ...(pattern === undefined ? {} : { pattern }),
    ...(after === undefined ? {} : { after }),
  };
}
