/** The route of a sweep: what the policy of a collection does, asked for. */
import { FAILURES_TOLD_MAX, PAGE_ITEMS_MAX } from "../../base/limits.ts";
import type { TenantSweepRequest } from "../../engine/api.ts";
import { TENANT_STATES } from "../../model/index.ts";
import { COLLECTION_PATTERN } from "./catalog-routes.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { POLICY_BODY } from "./policy-body.ts";
import { FAILURE_ANSWER, toFailures } from "./tenant-state-routes.ts";
import { withBody, type Route } from "./route.ts";
import { choice, count, flag, integer, list, object, optional, text } from "./schema.ts";

const SWEEP_BODY = object(
  {
    isDryRun: optional(flag("tells who is due and changes nothing; default false")),
    policy: optional(POLICY_BODY),
    after: optional(text("goes on behind this name")),
    limit: optional(integer(1, PAGE_ITEMS_MAX, "tenants looked at in this call; default 1,000")),
  },
  "One slice of a sweep; policy only with isDryRun: as if that were the collection's.",
);

const SWEEP_ANSWER = object(
  {
    looked: count("tenants"),
    pinned: count("of those: would be due, and are pinned"),
    keptWarm: optional(count("the same, kept by a warm schedule; where the policy has any")),
    memory: optional(
      object(
        {
          loadedBytes: count("of memory, now"),
          loadedBytesMax: count("of memory, by its share"),
        },
        "of all tenants of the collection, where the policy has a memoryShare",
      ),
    ),
    due: list(
      object(
        {
          tenant: text("its name"),
          from: choice(TENANT_STATES, "what it was"),
          to: choice(["INACTIVE", "OFFLOADED"], "what it became, or of a dry run would"),
          idleMs: count("milliseconds that nobody has used it for sure"),
        },
        "a tenant that nobody used for long enough",
      ),
      PAGE_ITEMS_MAX,
      "in the order of names",
    ),
    failed: count("tenants"),
    failures: list(FAILURE_ANSWER, FAILURES_TOLD_MAX, "the first of those that failed"),
    next: optional(text("send it as after for the next slice; absent: there is none")),
  },
  "what came of this slice",
);

export const SWEEP_ROUTES: readonly Route[] = [
  withBody({
    method: "POST",
    pattern: `${COLLECTION_PATTERN}/tenant-sweeps`,
    operation: "SweepTenants",
    area: "admin",
    status: 200,
    summary: "Does what the policy says with tenants nobody used, or tells it; wakes nobody.",
    answers: SWEEP_ANSWER,
    takes: { schema: SWEEP_BODY, bytesMax: NATIVE_LIMITS.catalogBodyBytesMax },
    run: async ({ context, database, collection, request }, body) => {
      const { isDryRun, policy, after, limit = NATIVE_LIMITS.tenantsChangedDefault } = body;
      const asked: TenantSweepRequest = {
        limit,
        ...(isDryRun === undefined ? {} : { isDryRun }),
        ...(policy === undefined ? {} : { policy }),
        ...(after === undefined ? {} : { after }),
      };
      const { failures, ...slice } = await context.engine.sweepTenants(database, collection, asked);
      return { ...slice, failures: toFailures(failures, request.id) };
    },
  }),
];
