/** What the routes about limits and about the ledger of usage answer. */
import {
  choice,
  count,
  flag,
  list,
  number,
  object,
  optional,
  text,
  type Schema,
} from "./schema.ts";

const LIMITS: Schema<unknown> = object(
  {
    queriesPerSecond: optional(number("searches")),
    writesPerSecond: optional(number("calls that write or delete")),
    bytesPerSecond: optional(number("bytes of keys, metadata and vectors, in and out")),
    workUnitsPerSecond: optional(number("work units")),
    callsInFlight: optional(count("calls under way at once")),
    storedRecords: optional(count("records that may be held")),
    storedBytes: optional(count("bytes that may be held")),
    weight: optional(number("share in the turns; absent: 1")),
  },
  "limits; what is absent is not limited",
);

export const LIMITS_ANSWER: Schema<unknown> = object(
  { own: LIMITS, effective: LIMITS },
  "limits set here, and those that hold",
);

export const SUMS: Readonly<Record<string, Schema<unknown>>> = {
  period: choice(["hour", "day", "month"], "of UTC; coarser where the finer is not kept"),
  startMs: count("its begin, milliseconds since 1970"),
  endMs: count("its end"),
  queries: count("searches"),
  queryUnits: count("their work units"),
  reads: count("calls that get, count or list"),
  readUnits: count("their work units"),
  writes: count("calls that write or delete"),
  writeUnits: count("their work units"),
  bytesIn: count("bytes of keys, metadata and vectors that came"),
  bytesOut: count("bytes of keys, metadata and vectors that were answered"),
  activations: count("times that a call woke the place"),
  refused: count("calls refused by a limit"),
  throttledMs: count("the time those callers were told to wait"),
  storedRecords: count("records after its last call"),
  storedBytes: count("bytes after its last call"),
};

export const ITEMS: Schema<unknown> = list(
  object(
    {
      database: text("of the place"),
      collection: text("of the place"),
      tenant: optional(text("of the place, where it has one")),
      ...SUMS,
      renamedFrom: optional(text("the name its tenant had before, where the period saw that")),
      renamedTo: optional(text("the name it was given, and is counted under from then on")),
    },
    "a period of a place",
  ),
  Number.MAX_SAFE_INTEGER,
  "by the names of the place, then by start",
);

export const PERIODS_ANSWER: Schema<unknown> = object(
  {
    items: ITEMS,
    hasMore: flag("true when there are places behind the last one"),
    last: optional(
      object(
        {
          database: text("its database"),
          collection: text("its collection"),
          tenant: optional(text("its tenant")),
        },
        "the last place looked at: the next page is after it",
      ),
    ),
  },
  "one page",
);
