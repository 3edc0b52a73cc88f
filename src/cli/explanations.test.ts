import { expect, it } from "vitest";
import type { SearchedPlace } from "../model/index.ts";
import { printExplanations } from "./explanations.ts";
import type { Output } from "./output.ts";

const OUTPUT: Output = {
  isJson: false,
  isInteractive: false,
  columns: Infinity,
  result: () => undefined,
  remark: () => undefined,
  bold: (text) => text,
  dim: (text) => text,
};

const SEARCHED: SearchedPlace = {
  place: { database: "db", collection: "notes", tenant: "acme" },
  plan: { path: "graph", rowsScanned: 1_520, rowsRescored: 36, segmentCount: 1, workUnits: 3 },
};

it("shows path, reason, cost, the phases that took time, and every part", () => {
  const text = printExplanations(OUTPUT, [
    {
      ...SEARCHED,
      explanation: {
        reason: "A walk of the graph costs less than a scan.",
        parts: [
          {
            kind: "segment",
            segment: "0123456789abcdef",
            rowCount: 12_000,
            matchCount: 11_000,
            method: "graph",
            reason: "A walk of the graph costs less than a scan.",
            rowsScanned: 1_500,
            rowsRescored: 36,
            bytesRead: 131_072,
          },
          {
            kind: "memtable",
            rowCount: 20,
            matchCount: 20,
            method: "exact",
            reason: "Rows that are in no segment yet are compared exactly.",
            rowsScanned: 20,
            rowsRescored: 0,
            bytesRead: 0,
          },
        ],
        bytesRead: 131_072,
        workUnits: 3,
        ms: { wake: 0, load: 0.5, filter: 0, scan: 0.25, rescore: 0, fetch: 0.125, total: 0.9 },
      },
    },
  ]);
  expect(text).toBe(
    [
      "notes/acme  graph: A walk of the graph costs less than a scan.",
      "2 parts, 3 work units, 131.1 kB read",
      "0.90 ms, load 0.50, scan 0.25, fetch 0.13",
      "part      method  rows    pass    scanned  rescored  read      why",
      "01234567  graph   12,000  11,000  1,500    36        131.1 kB  " +
        "A walk of the graph costs less than a scan.",
      "memtable  exact   20      20      20       0         0 B       " +
        "Rows that are in no segment yet are compared exactly.",
    ].join("\n"),
  );
});

it("shows nothing of searches that nobody asked to explain", () => {
  expect(printExplanations(OUTPUT, [SEARCHED])).toBe("");
});
