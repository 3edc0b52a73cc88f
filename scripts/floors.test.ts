import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = resolve(fileURLToPath(import.meta.url), "../..");
const cruiser = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");

/** A house that is in order, every room seen from where it may be seen. */
const HOUSE: Readonly<Record<string, string>> = {
  "index.ts": 'export * as engine from "./engine/index.ts";',
  "base/bytes.ts": "export const bytes = 1;",
  "math/index.ts": 'export { bytes } from "../base/bytes.ts";',
  "model/index.ts": 'export { bytes } from "../base/bytes.ts";',
  "io/index.ts": 'import "node:fs"; export { disk } from "./memory/disk.ts";',
  "io/memory/disk.ts": "export const disk = 1;",
  "io/memory/index.ts": 'export { disk } from "./disk.ts";',
  "storage/index.ts": 'export { log } from "./log.ts";',
  "storage/log.ts": 'import "../io/index.ts"; export const log = 1;',
  "vector/index.ts": 'import "../math/index.ts";',
  "inverted/index.ts": 'import "../model/index.ts";',
  "shard/index.ts": 'import "../storage/index.ts"; import "../vector/index.ts";',
  "tenancy/index.ts": 'import "../shard/index.ts";',
  "engine/index.ts": 'import "../tenancy/index.ts"; export type { Engine } from "./api.ts";',
  "engine/api.ts": "export interface Engine { readonly kind: string }",
  "client/index.ts": 'export type { Engine } from "../engine/api.ts";',
  "library/index.ts": 'import "../client/index.ts"; import "../engine/index.ts";',
  "cluster/index.ts": 'import "../engine/index.ts";',
  "wire/index.ts": 'import "node:http"; import "../base/bytes.ts";',
  "embed/index.ts": 'import "../wire/index.ts";',
  "access/index.ts": 'export type { Engine } from "../engine/api.ts";',
  "dialects/index.ts": 'import "../engine/api.ts"; import "../access/index.ts";',
  "dialects/native/index.ts": 'import "../../wire/index.ts"; import "zod";',
  "dialects/pinecone/index.ts": 'import "../../embed/index.ts";',
  "server/index.ts": 'import "../dialects/index.ts"; import "../cluster/index.ts";',
  "cli/index.ts": "export {};",
  "cli/main.ts": 'import "../server/index.ts";',
  "vector/scan.test.ts": 'import "vitest"; import "../io/memory/index.ts";',
};

/** One of each sort: rule, file, what is in it. */
const VIOLATIONS = [
  ["base-sees-too-much", "base/a.ts", 'import "../io/index.ts";'],
  ["math-sees-too-much", "math/a.ts", 'import "../model/index.ts";'],
  ["model-sees-too-much", "model/a.ts", 'import "../io/index.ts";'],
  ["io-sees-too-much", "io/a.ts", 'import "../storage/index.ts";'],
  ["storage-sees-too-much", "storage/a.ts", 'import "../model/index.ts";'],
  ["vector-sees-too-much", "vector/a.ts", 'import "../storage/index.ts";'],
  ["inverted-sees-too-much", "inverted/a.ts", 'import "../math/index.ts";'],
  ["shard-sees-too-much", "shard/a.ts", 'import "../tenancy/index.ts";'],
  ["tenancy-sees-too-much", "tenancy/a.ts", 'import "../engine/api.ts";'],
  ["engine-sees-too-much", "engine/a.ts", 'import "../access/index.ts";'],
  ["client-sees-too-much", "client/a.ts", 'import "../wire/index.ts";'],
  ["client-takes-types-only", "client/b.ts", 'import "../model/index.ts";'],
  ["client-sees-only-the-api", "client/c.ts", 'import "../engine/index.ts";'],
  ["client-runs-anywhere", "client/d.ts", 'import "node:crypto";'],
  ["client-runs-anywhere", "client/e.ts", 'import "zod";'],
  ["library-sees-too-much", "library/a.ts", 'import "../server/index.ts";'],
  ["wire-sees-too-much", "wire/a.ts", 'import type { Engine } from "../engine/api.ts";'],
  ["embed-sees-too-much", "embed/a.ts", 'import "../model/index.ts";'],
  ["access-sees-too-much", "access/a.ts", 'import "../wire/index.ts";'],
  ["dialects-sees-too-much", "dialects/native/a.ts", 'import "../../storage/index.ts";'],
  ["server-sees-too-much", "server/a.ts", 'import "../shard/index.ts";'],
  ["cli-sees-too-much", "cli/a.ts", 'import "../tenancy/index.ts";'],
  ["engine-sees-too-much", "engine/b.ts", 'import "../index.ts";'],
  ["tests-of-vector-see-too-much", "vector/a.test.ts", 'import "../shard/index.ts";'],
  ["no-room-without-a-floor", "attic/index.ts", 'import "../base/bytes.ts";'],
  ["use-the-door", "shard/b.ts", 'import "../storage/log.ts";'],
  ["dialects-and-access-see-only-the-api", "access/b.ts", 'import "../engine/index.ts";'],
  ["dialects-are-strangers", "dialects/native/b.ts", 'import "../pinecone/index.ts";'],
  ["engine-has-no-npm", "shard/c.ts", 'import "zod";'],
  ["engine-has-no-npm", "storage/b.ts", 'import type { z } from "zod"; export type A = z.A;'],
  ["the-world-is-behind-io", "engine/c.ts", 'import "node:fs/promises";'],
  ["the-world-is-behind-io", "dialects/native/c.ts", 'import type { Socket } from "net";'],
  ["package-has-no-tests", "vector/b.ts", 'import "./scan.test.ts";'],
  ["no-circular", "storage/c.ts", 'import type { D } from "./d.ts"; export type C = D;'],
  ["imports-resolve", "model/b.ts", 'import "./nowhere.ts";'],
  ["no-orphans", "io/alone.ts", "export const alone = 1;"],
] as const;

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

async function cruise(files: Readonly<Record<string, string>>): Promise<readonly Violation[]> {
  await mkdir(join(root, ".cache"), { recursive: true });
  const house = await mkdtemp(join(root, ".cache/floors-"));
  try {
    for (const name of ["package.json", "tsconfig.json"])
      await cp(join(root, name), join(house, name));
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(house, "src", name)), { recursive: true });
      await writeFile(join(house, "src", name), text);
    }
    const config = join(root, "scripts/config/floors.cjs");
    const args = [cruiser, "--config", config, "--output-type", "json", "src"];
    const bounds = { cwd: house, maxBuffer: 64 * 1024 * 1024 };
    const { stdout } = await promisify(execFile)(process.execPath, args, bounds);
    const report = JSON.parse(stdout) as { summary: { violations: readonly Violation[] } };
    return report.summary.violations;
  } finally {
    await rm(house, { recursive: true });
  }
}

describe("the floors", () => {
  let planted: readonly Violation[] = [];

  beforeAll(async () => {
    const files = VIOLATIONS.map(([, name, text]) => [name, text]);
    planted = await cruise({
      ...HOUSE,
      ...Object.fromEntries(files),
      "storage/d.ts": 'import type { C } from "./c.ts"; export type D = C;',
    });
  });

  afterAll(() => {
    planted = [];
  });

  it("let a house in order pass", async () => {
    expect(await cruise(HOUSE)).toEqual([]);
  });

  it.each(VIOLATIONS)("report %s in %s", (rule, name) => {
    const found = planted.filter(({ from }) => from === `src/${name}`);
    expect(found.map((violation) => violation.rule.name)).toContain(rule);
  });
});
