import { expect, it } from "vitest";
import { printUsageCsv, type UsageItem } from "./usage.ts";

const ITEM: UsageItem = {
  ...{ database: "shop", collection: "notes", tenant: "acme", period: "day" },
  ...{ startMs: 0, endMs: 86_400_000, queries: 1, queryUnits: 2, reads: 3, readUnits: 4 },
  ...{ writes: 5, writeUnits: 6, bytesIn: 7, bytesOut: 8, activations: 9, refused: 10 },
  ...{ throttledMs: 11, storedRecords: 12, storedBytes: 13 },
};

it("prints a line of names and a line an item", () => {
  expect(printUsageCsv([ITEM])).toBe(
    "database,collection,tenant,period,start,end,queries,queryUnits,reads,readUnits,writes," +
      "writeUnits,bytesIn,bytesOut,activations,refused,throttledMs,storedRecords,storedBytes," +
      "renamedFrom,renamedTo\r\n" +
      "shop,notes,acme,day,1970-01-01T00:00:00.000Z,1970-01-02T00:00:00.000Z," +
      "1,2,3,4,5,6,7,8,9,10,11,12,13,,\r\n",
  );
  const renamed = { ...ITEM, renamedFrom: "=old", renamedTo: "a,b" };
  expect(printUsageCsv([renamed])).toContain(`,13,'=old,"a,b"\r\n`);
});

it("quotes what would end a field, and disarms what would be a formula", () => {
  const names = ['a"b', "c,d", "e\nf", "=1+1", "-x", "@y", "plain"];
  const csv = printUsageCsv(names.map((tenant) => ({ ...ITEM, tenant })));
  expect(csv).toContain('shop,notes,"a""b",day');
  expect(csv).toContain('shop,notes,"c,d",day');
  expect(csv).toContain('shop,notes,"e\nf",day');
  expect(csv).toContain("shop,notes,'=1+1,day");
  expect(csv).toContain("shop,notes,'-x,day");
  expect(csv).toContain("shop,notes,'@y,day");
  expect(csv).toContain("shop,notes,plain,day");
});

it("leaves the tenant empty where there is none", () => {
  const { tenant: _, ...item } = ITEM;
  expect(printUsageCsv([item])).toContain("shop,notes,,day");
});
