/**
 * Routes about one customer over all collections of a database. Rights are asked for the whole
 * database: a key of one collection, or of one tenant, has none of them.
 */
import type { CustomerPlace } from "../../engine/api.ts";
import { EXPORTED_LINE } from "./answers.ts";
import {
  CUSTOMERS_ANSWER,
  CUSTOMER_ANSWER,
  CUSTOMER_ERASURE_ANSWER,
  CUSTOMER_USAGE_ANSWER,
} from "./customer-answers.ts";
import { NAMED_BODY } from "./bodies.ts";
import { exportCustomer } from "./customer-export.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { decodePage } from "./page.ts";
import { TIME_PARAMETERS, decodeTimes } from "./period-routes.ts";
import { withBody, type Call, type Route } from "./route.ts";

const PATTERN = "databases/:database/customers/:customer";

/** For the audit log too: what the call is about has a name. */
function aim({ database, customer, trail }: Call): CustomerPlace {
  trail.aim({ database, tenant: customer });
  return { database, tenant: customer };
}

function posted(operation: string, path: string, summary: string): Omit<Route, "run"> {
  return {
    ...{ method: "POST", pattern: `${PATTERN}/${path}`, operation, area: "admin", status: 200 },
    ...{ summary, answers: CUSTOMER_ANSWER },
  };
}

export const CUSTOMER_ROUTES: readonly Route[] = [
  {
    method: "GET",
    pattern: "databases/:database/customers",
    operation: "ListCustomers",
    area: "admin",
    status: 200,
    summary: "Those that are suspended or being erased, by name.",
    answers: CUSTOMERS_ANSWER,
    isPaged: true,
    run: ({ context, database, request }) =>
      context.engine.customers.list(database, decodePage(request.query)),
  },
  {
    method: "GET",
    pattern: PATTERN,
    operation: "GetCustomer",
    area: "admin",
    status: 200,
    summary: "What has this name as a tenant, in all collections; whether it is suspended.",
    answers: CUSTOMER_ANSWER,
    run: (call) => call.context.engine.customers.get(aim(call)),
  },
  {
    method: "GET",
    pattern: `${PATTERN}/usage`,
    operation: "GetCustomerUsage",
    area: "admin",
    status: 200,
    summary: "What it did by hour, day or month, in each collection and in all.",
    answers: CUSTOMER_USAGE_ANSWER,
    parameters: TIME_PARAMETERS,
    run: (call) => {
      const asked = decodeTimes(call, TIME_PARAMETERS);
      return call.context.engine.customers.usage(aim(call), asked);
    },
  },
  {
    method: "GET",
    pattern: `${PATTERN}/export`,
    operation: "ExportCustomer",
    area: "admin",
    status: 200,
    summary: "All its records in all collections, as JSON Lines that are sent while they are read.",
    answers: EXPORTED_LINE,
    hasLines: true,
    run: (call) => exportCustomer(call.context, aim(call)),
  },
  {
    ...posted("SuspendCustomer", "suspend", "Refuses all its calls, in all collections."),
    run: (call) => call.context.engine.customers.suspend(aim(call)),
  },
  {
    ...posted("ResumeCustomer", "resume", "Takes its calls again."),
    run: (call) => call.context.engine.customers.resume(aim(call)),
  },
  {
    ...posted("EraseCustomer", "erase", "Erases it from all collections, with one receipt."),
    answers: CUSTOMER_ERASURE_ANSWER,
    run: (call) => call.context.engine.customers.erase(aim(call)),
  },
  withBody({
    ...posted("CopyCustomer", "copy", "A second one with its records of now: whole, or not."),
    status: 201,
    takes: { schema: NAMED_BODY, bytesMax: NATIVE_LIMITS.catalogBodyBytesMax },
    run: (call, { name }) => call.context.engine.customers.copy(aim(call), name),
  }),
];
