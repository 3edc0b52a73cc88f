import { expect, test } from "vitest";
import { readFileSync } from "node:fs";
import { OSS_LIMITS } from "./limits.ts";
import { OSS_OPERATIONS } from "./operations.ts";

const TEXT = readFileSync(
  new URL("../../../../docs/dialects/oss-vectors.md", import.meta.url),
  "utf8",
);

test.each(OSS_OPERATIONS.map((operation) => [operation.name, operation] as const))(
  "the documents list %s as it is dispatched",
  (name, { method, verb, level, status }) => {
    const row = TEXT.split("\n").find((line) => line.startsWith(`| ${name} `)) ?? "";
    expect(row).toContain(`\`${method} /${verb === undefined ? "" : `?${verb}`}`);
    expect(row).toMatch(new RegExp(`\\| ${level} +\\| ${String(status)} +\\|$`));
  },
);

test("the documents name the limits that are enforced", () => {
  for (const number of [OSS_LIMITS.putVectorsMax, OSS_LIMITS.dimensionMax, OSS_LIMITS.topKMax]) {
    expect(TEXT).toContain(`| ${number.toLocaleString("en")} `);
  }
});
