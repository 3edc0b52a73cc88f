/** What the routes about customers answer. */
import { ERASURE_ANSWER, TENANT_FACTS, byteCount, pageOf, rowCount } from "./answers.ts";
import { choice, count, flag, list, object, optional, text, type Schema } from "./schema.ts";
import { ITEMS, SUMS } from "./usage-answers.ts";

export const CUSTOMER_ANSWER: Schema<unknown> = object(
  {
    database: text("its database"),
    tenant: text("the name it has in every collection"),
    state: choice(
      ["ACTIVE", "SUSPENDED", "ERASING"],
      "unless ACTIVE, calls about its records are refused, whatever the states of its tenants",
    ),
    sinceMs: optional(count("of a state that is not ACTIVE, milliseconds since 1970")),
    tenants: list(
      object({ collection: text("its collection"), ...TENANT_FACTS }, "a tenant of this name"),
      Number.MAX_SAFE_INTEGER,
      "by collection",
    ),
    rowCount,
    byteCount,
  },
  "a customer over all collections",
);

export const CUSTOMER_ERASURE_ANSWER: Schema<unknown> = object(
  {
    database: text("its database"),
    tenant: text("its name"),
    tenants: list(ERASURE_ANSWER, Number.MAX_SAFE_INTEGER, "what was removed, by collection"),
    recordCount: count("records of all"),
    isUnreadable: flag("true when that is so of each"),
    wasInterrupted: flag("an erasure that did not come to its end is in this receipt"),
  },
  "one receipt of all collections",
);

export const CUSTOMERS_ANSWER: Schema<unknown> = pageOf(
  object(
    {
      database: text("its database"),
      tenant: text("the name it has in every collection"),
      state: choice(["SUSPENDED", "ERASING"], "why its calls are refused"),
      sinceMs: count("milliseconds since 1970"),
    },
    "a customer whose calls are refused",
  ),
);

export const CUSTOMER_USAGE_ANSWER: Schema<unknown> = object(
  {
    database: text("its database"),
    tenant: text("its name"),
    total: list(
      object(SUMS, "a period of all collections"),
      Number.MAX_SAFE_INTEGER,
      "by start; what is stored is of those with a call in the period",
    ),
    items: ITEMS,
  },
  "what a customer did",
);
