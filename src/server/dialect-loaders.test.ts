import { expect, test } from "vitest";
import { DIALECT_LOADERS } from "./dialect-loaders.ts";
import { ROUTE_ROWS } from "./route-table.ts";

const BUILT_IN = ["health", "metrics", "page", "nothing"];

test("every route of the table is answered here or has a dialect to load", () => {
  for (const { route } of ROUTE_ROWS) {
    expect([...BUILT_IN, ...Object.keys(DIALECT_LOADERS)]).toContain(route);
  }
  for (const route of Object.keys(DIALECT_LOADERS)) {
    expect(ROUTE_ROWS.some((row) => row.route === route)).toBe(true);
  }
});
