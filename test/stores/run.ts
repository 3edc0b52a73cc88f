/**
 * `npm run test:stores`: object stores as others run them, each started on loopback for the test
 * and stopped with it. A word limits the run: `npm run test:stores -- ceph`.
 *
 * A store that cannot be had here is told and left out; where the variable CI is set that fails.
 */
import { run } from "../../scripts/process.mjs";
import { runTests } from "../../scripts/vitest-run.mjs";
import { placeCeph, startCeph } from "./ceph.ts";
import { REAL_STORE_VARIABLE, type RealStore } from "./real-store.ts";
import type { StorePlace } from "./store-place.ts";

interface KnownStore {
  readonly place: () => StorePlace;
  readonly start: (place: StorePlace) => Promise<RealStore>;
}

const STORES: Readonly<Record<string, KnownStore>> = {
  ceph: { place: placeCeph, start: startCeph },
};

const named = process.argv.slice(2);
const wanted = named.length === 0 ? Object.keys(STORES) : named;
const unknown = wanted.filter((name) => !Object.hasOwn(STORES, name));
if (unknown.length > 0) {
  process.stderr.write(`Known stores: ${Object.keys(STORES).join(", ")}\n`);
  process.exit(2);
}

let current: StorePlace | undefined;
let isEnding = false;
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => {
    if (isEnding) return;
    isEnding = true;
    void (current?.stop() ?? Promise.resolve()).finally(() => process.exit(1));
  });
}

const sum = { passed: 0, failed: 0, skipped: 0 };
const lines: string[] = [];
for (const [name, known] of Object.entries(STORES)) {
  if (wanted.includes(name) && !isEnding) await runStore(name, known);
}
process.stdout.write(`\n${lines.join("\n")}\n`);
const isShort = sum.skipped > 0 && process.env["CI"] !== undefined;
if (isShort) process.stdout.write("CI does not allow that a store is left out.\n");
const skipped = sum.skipped === 0 ? "" : `, ${String(sum.skipped)} skipped`;
process.stdout.write(`${String(sum.passed)} passed, ${String(sum.failed)} failed${skipped}\n`);
process.exitCode = sum.failed > 0 || isShort ? 1 : 0;

async function runStore(name: string, { place, start }: KnownStore): Promise<void> {
  process.stdout.write(`\n==== ${name} ====\n`);
  const setup = await run(["sh", "scripts/stores-setup.sh", name], { live: "stderr" });
  if (setup.code !== 0) {
    sum.skipped++;
    lines.push(`${name}: skipped: ${setup.output.trim().split("\n").at(-1) ?? ""}`);
    return;
  }
  current = place();
  try {
    const store = await start(current);
    process.stdout.write(`${store.name} answers at ${store.endpoint}\n`);
    process.env[REAL_STORE_VARIABLE] = JSON.stringify(store);
    const { passed, failed, isPassed } = await runTests({ project: "stores", live: "stdout" });
    sum.passed += passed;
    sum.failed += Math.max(failed, isPassed ? 0 : 1);
    lines.push(`${store.name}: ${isPassed ? "as it must be" : "FAILED"}`);
  } catch (error) {
    sum.failed++;
    lines.push(`${name}: FAILED: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    if (!isEnding) await current.stop();
  }
}
