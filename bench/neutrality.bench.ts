/**
 * One tenant alone beside the same among very many that sleep, and the same while others are made
 * and erased all the time: what each kind of its calls takes. And what a change of the schema of
 * all of them does.
 *
 *   npm run bench -- neutrality --quick
 *
 * Two worlds, each an engine in a process of its own, durable, asked in turns, one call after the
 * other: the machine changes its speed within minutes, and both have the same part of that.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { CALL_KINDS, type CallKind, type WorldOrder } from "./support/neutral-world.ts";
import { openReport, type Row } from "./support/report.ts";
import { quantiles } from "./support/samples.ts";

/** Calls of one kind in one world before it is the other's turn. */
const CALLS_PER_TURN = 25;
const RATIO_MAX = 1.2;
const BUSY_RATIO_MAX = 1.5;

const report = openReport({
  path: "bench/neutrality.bench.ts",
  purpose: "One tenant alone, among many, and while others come and go.",
  example: "npm run bench -- neutrality --tenants 100000 --samples 1000",
  sizes: {
    tenants: { description: "others, asleep, with a record each", full: 100_000, quick: 2_000 },
    samples: { description: "calls of each kind in each world", full: 1_000, quick: 50 },
    comers: { description: "tenants made and erased in a second", full: 1_000, quick: 100 },
  },
  remarks: ["Milliseconds; the same tenant of 1,000 × 384 in both worlds, asked in turns.", ""],
});

type Times = ReadonlyMap<CallKind, number[]>;

class World {
  readonly #child: ChildProcess = fork(
    fileURLToPath(new URL("./support/neutral-world.ts", import.meta.url)),
    { execArgv: ["--import", "tsx"] },
  );

  async send(order: WorldOrder): Promise<unknown> {
    const ending = new AbortController();
    const { signal } = ending;
    const answered = once(this.#child, "message", { signal });
    const ended = once(this.#child, "exit", { signal }).then(() => {
      throw new Error(`A world ended at "${order.order}".`);
    });
    this.#child.send(order);
    try {
      const [message] = (await Promise.race([answered, ended])) as [{ readonly answer: unknown }];
      return message.answer;
    } finally {
      ending.abort();
      await Promise.allSettled([answered, ended]);
    }
  }

  async calls(kind: CallKind, count: number): Promise<readonly number[]> {
    return (await this.send({ order: "calls", kind, count })) as readonly number[];
  }
}

const [alone, many] = [new World(), new World()];
const worlds = [alone, many];
for (const world of worlds) await world.send({ order: "prepare" });
await measure("warming up");
report.progress(`making ${String(report.size("tenants"))} others`);
await many.send({ order: "fill", tenants: report.size("tenants") });
const change = (await many.send({ order: "change schema" })) as { ms: number; woken: number };
report.figure("a change of the schema of all", change.ms, "ms", { max: 100 });
report.figure("tenants woken by it", change.woken, "", { max: 0 });
const asleep = await measure(`among ${String(report.size("tenants"))}`);
await many.send({ order: "start comers", perSecond: report.size("comers") });
const busy = await measure("while others come and go");
const rate = (await many.send({ order: "stop comers" })) as number;
compare("among those that sleep", asleep, RATIO_MAX);
compare("while others come and go", busy, BUSY_RATIO_MAX);
report.figure("tenants made and erased meanwhile", rate, "/s");
for (const world of worlds) await world.send({ order: "end" });
report.finish();

/** Both worlds in turns, the first one first every other time. */
async function measure(name: string): Promise<readonly [Times, Times]> {
  report.progress(name);
  const empty = (): Map<CallKind, number[]> => new Map(CALL_KINDS.map((kind) => [kind, []]));
  const times = [empty(), empty()] as const;
  const turns = Math.ceil(report.size("samples") / CALLS_PER_TURN);
  for (let turn = 0; turn < turns; turn++) {
    const order = turn % 2 === 0 ? [0, 1] : [1, 0];
    for (const kind of CALL_KINDS) {
      for (const i of order) {
        const taken = await worlds[i]?.calls(kind, CALLS_PER_TURN);
        times[i === 0 ? 0 : 1].get(kind)?.push(...(taken ?? []));
      }
    }
  }
  for (const world of worlds) await world.send({ order: "settle" });
  return times;
}

function compare(name: string, [base, other]: readonly [Times, Times], max: number): void {
  const rows: Row[] = CALL_KINDS.map((call) => {
    const [one, two] = [quantiles(base.get(call) ?? []), quantiles(other.get(call) ?? [])];
    return {
      call,
      ...{ "alone p50": one.p50, p50: two.p50, ratio: two.p50 / one.p50 },
      ...{ "alone p99": one.p99, p99: two.p99, "ratio p99": two.p99 / one.p99 },
    };
  });
  report.table(`Calls of one tenant ${name}, ms`, rows);
  for (const { call, ratio } of rows) {
    report.figure(`${String(call)}, ${name} against alone, p50`, Number(ratio), "×", { max });
  }
}
