/** The judge of histories on histories made up: it must see what is wrong, and only that. */
import { expect, it } from "vitest";
import { judgeHistory, type HistoryCall } from "./history.ts";
import { TENANT_MODEL, type TenantCall } from "./tenant-calls.ts";

type Made = HistoryCall<TenantCall>;

let client = 0;
function made(beganAt: number, call: TenantCall, at?: number, answer = ""): Made {
  return { client: client++, call, beganAt, end: at === undefined ? undefined : { at, answer } };
}
function upsert(beganAt: number, records: Record<string, number>, at?: number, answer = ""): Made {
  const versions = new Map(Object.entries(records));
  return made(beganAt, { kind: "upsert", versions }, at, answer);
}
function get(beganAt: number, keys: string[], at: number, answer: string): Made {
  return made(beganAt, { kind: "get", keys }, at, answer);
}
function list(beganAt: number, at: number, answer: string): Made {
  return made(beganAt, { kind: "list" }, at, answer);
}
const ONE_ADDED = "1 added, 0 replaced";
const TWO_ADDED = "2 added, 0 replaced";
const ONE_REPLACED = "0 added, 1 replaced";

const POSSIBLE: readonly [string, readonly Made[]][] = [
  ["nothing at all", []],
  [
    "a read during a write may see either",
    [upsert(1, { a: 1 }, 6, ONE_ADDED), get(2, ["a"], 3, "undefined"), get(4, ["a"], 5, "1")],
  ],
  [
    "writes that overlap may take effect against their answers' order",
    [
      upsert(1, { a: 1 }, 3, ONE_REPLACED),
      upsert(2, { a: 2 }, 4, ONE_ADDED),
      get(5, ["a"], 6, "1"),
    ],
  ],
  ["a write without an answer may be done", [upsert(1, { a: 1 }), get(2, ["a"], 3, "1")]],
  ["or not", [upsert(1, { a: 1 }), get(2, ["a"], 3, "undefined")]],
  ["or late", [upsert(1, { a: 1 }), get(2, ["a"], 3, "undefined"), get(4, ["a"], 5, "1")]],
];

const IMPOSSIBLE: readonly [string, readonly Made[]][] = [
  ["a lost write", [upsert(1, { a: 1 }, 2, ONE_ADDED), get(3, ["a"], 4, "undefined")]],
  ["a record never sent", [get(1, ["a"], 2, "7")]],
  [
    "a read of an old version",
    [
      upsert(1, { a: 1 }, 2, ONE_ADDED),
      upsert(3, { a: 2 }, 4, ONE_REPLACED),
      get(5, ["a"], 6, "1"),
    ],
  ],
  [
    "a read that goes back",
    [upsert(1, { a: 1 }, 8, ONE_ADDED), get(2, ["a"], 3, "1"), get(4, ["a"], 5, "undefined")],
  ],
  ["half a batch", [upsert(1, { a: 1, b: 2 }, 4, TWO_ADDED), list(2, 3, "a=1")]],
  ["half a batch without an answer", [upsert(1, { a: 1, b: 2 }), list(2, 3, "b=2")]],
  [
    "two readers who see two orders",
    [
      upsert(1, { a: 1 }, 20, ONE_ADDED),
      upsert(2, { b: 2 }, 21, ONE_ADDED),
      get(3, ["a", "b"], 10, "1,undefined"),
      get(4, ["a", "b"], 11, "undefined,2"),
    ],
  ],
  [
    "a deleted record that comes back",
    [
      upsert(1, { a: 1 }, 2, ONE_ADDED),
      made(3, { kind: "delete", keys: ["a"] }, 4, "-1 added, 1 replaced"),
      list(5, 6, "a=1"),
    ],
  ],
  ["a count that is not of the answer", [upsert(1, { a: 1 }, 2, ONE_REPLACED)]],
  [
    "a deletion by filter that takes another record",
    [
      upsert(1, { a: 1 }, 2, ONE_ADDED),
      upsert(3, { a: 2 }, 5, ONE_REPLACED),
      made(4, { kind: "deleteWhere", group: 1 }, 6, "-1 added, 1 replaced"),
      list(7, 8, ""),
    ],
  ],
];

it.each(POSSIBLE)("possible: %s", (_, calls) => {
  expect(judgeHistory(calls, TENANT_MODEL).kind).toBe("possible");
});

it.each(IMPOSSIBLE)("impossible: %s", (_, calls) => {
  expect(judgeHistory(calls, TENANT_MODEL).kind).toBe("impossible");
});

it("decides among many calls without an answer, where only none of them explains it", () => {
  const open = Array.from({ length: 16 }, (_, i) => upsert(1, { [`o${i}`]: i + 1, z: i + 1 }));
  const calls = [
    ...open,
    upsert(20, { a: 1 }, 30, ONE_ADDED),
    upsert(21, { b: 2 }, 31, ONE_ADDED),
    list(22, 32, ""),
    list(33, 34, "a=1,b=2"),
  ];
  expect(judgeHistory(calls, TENANT_MODEL, 20_000).kind).toBe("possible");
});

it("says that it gave up, and where a history gets stuck", () => {
  const calls = [upsert(1, { a: 1 }, 2, ONE_ADDED), get(3, ["a"], 4, "undefined")];
  expect(judgeHistory(calls, TENANT_MODEL, 1).kind).toBe("undecided");
  expect(judgeHistory(calls, TENANT_MODEL)).toMatchObject({ state: "a=1", stuck: [calls[1]] });
});
