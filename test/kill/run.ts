/**
 * kill -9 during writes, over and over, through real sockets: `npm run test:kill -- --kills 200`.
 * Several servers are killed side by side, each on a folder of its own: see kill-loop.ts.
 */
import { parseArgs } from "node:util";
import { KillLoop, KillTally } from "./kill-loop.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    lanes: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log("Kills servers during writes and judges what they kept.\n");
  console.log("  npm run test:kill -- --kills 20 --seed 7 --lanes 1");
  console.log("\nEach further lane has the next seed, and its share of the kills.");
  process.exit(0);
}

const killCount = Number(values.kills);
const laneCount = Number(values.lanes);
const firstSeed = Number(values.seed);
const tally = new KillTally();
const lanes = Array.from({ length: laneCount }, async (_, lane) => {
  const loop = new KillLoop(firstSeed + lane);
  await loop.run(Math.floor((killCount + lane) / laneCount));
  tally.add(loop.tally);
});
await Promise.all(lanes);
report();

function report(): void {
  const sorted = tally.startMs.sort((a, b) => a - b);
  console.log(`kills ${tally.kills}, with batches in flight ${tally.inFlight}`);
  console.log(`batches acknowledged ${tally.acknowledged}, unanswered ${tally.unknown}`);
  console.log(
    `records checked ${tally.checked}, own-vector queries ${tally.probes}, filters ${tally.filters}`,
  );
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  console.log(
    `spawn to ready p50 ${Math.round(sorted[sorted.length >> 1] ?? 0)} ms, p99 ${Math.round(p99)} ms`,
  );
  const hasBite = tally.inFlight >= 0.9 * tally.kills;
  if (!hasBite) console.log("Too few kills met a batch in flight: they prove too little.");
  const isWell = tally.faults === 0 && hasBite && tally.kills === killCount;
  console.log(`${isWell ? tally.kills : tally.kills - 1} passed, ${isWell ? 0 : 1} failed`);
  process.exitCode = isWell ? 0 : 1;
}
