/**
 * One project per kind of test, by folder: `vitest run --config scripts/config/vitest.config.ts
 * --project unit`.
 *
 * Unit and contract tests lie beside the code and are part of `npm run check`, in two projects,
 * `unit` and `unit-alone` (those that need a process for themselves); what lies in test/
 * takes longer, has a project of the folder's name and a script of its own in package.json.
 */
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type ViteUserConfig, defineConfig } from "vitest/config";

const root = resolve(fileURLToPath(import.meta.url), "../../..");

const folders = readdirSync(resolve(root, "test"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

const UNIT = ["src/**/*.test.ts", "scripts/**/*.test.ts"];

/** These look at the memory of the whole process: each has one for itself. */
const ALONE = [
  ...["memory-edge", "memory-wait", "search-pages", "small-memory"].map(
    (name) => `src/engine/${name}.test.ts`,
  ),
];

/** Of a test in test/; a night of seeds in one test takes longer. */
const LONG_MS = Number(process.env["INSULA_TEST_MS"] ?? 300_000);

const config: ViteUserConfig = defineConfig({
  root,
  cacheDir: resolve(root, ".cache/vite"),
  test: {
    globalSetup: ["scripts/config/vitest.setup.ts"],
    // Not a statement about speed: a loaded machine may take its time.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      // One process runs many files: loading the sources anew for each took half of the time.
      { extends: true, test: { name: "unit", include: UNIT, exclude: ALONE, isolate: false } },
      { extends: true, test: { name: "unit-alone", include: ALONE } },
      ...folders.map((name) => ({
        extends: true as const,
        test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: LONG_MS },
      })),
    ],
  },
});

export default config;
