/** `insula tenant why`: how a tenant came into its state. */
import type { Command } from "commander";
import { InsulaError } from "../../base/errors.ts";
import type { StateChange, TenantInfo } from "../../engine/api.ts";
import { withSession } from "../command.ts";
import { notes } from "../help.ts";

const REASONS: Readonly<Record<StateChange["reason"], string>> = {
  asked: "it was asked to be",
  used: "a call about its records activated it",
  policy: "by the policy of its collection",
  schedule: "by a warm schedule of its collection",
};

export function addTenantWhy(tenant: Command): void {
  tenant
    .command("why <database> <collection> <tenant>")
    .description("say how a tenant came into its state, and what keeps it there")
    .addHelpText("after", notes(["insula tenant why acme notes team-1"]))
    .action(async (...given: [string, string, string, unknown, Command]) => {
      const [database, collection, name, , command] = given;
      await withSession(command, false, async ({ catalog }, output) => {
        const info = await catalog.getTenant({ database, collection, tenant: name });
        if (info === undefined) {
          throw new InsulaError("tenant_not_found", `There is no tenant ${name}.`);
        }
        const share = (await catalog.getCollection(database, collection))?.policy?.memoryShare;
        const told = { ...info, ...(share === undefined ? {} : { memoryShare: share }) };
        output.result(told, () => [printWhy(info), ...printPolicy(told)].join("\n"));
      });
    });
}

function printPolicy({
  name,
  pinnedBy,
  keptWarm,
  memoryShare,
}: TenantInfo & { readonly memoryShare?: number }): readonly string[] {
  return [
    ...(pinnedBy === undefined ? [] : [`${name} stays awake and ACTIVE: pinned by ${pinnedBy}.`]),
    ...(keptWarm === undefined
      ? []
      : [
          `${name} is kept warm by schedule ${keptWarm.schedule} until ` +
            `${printMoment(keptWarm.untilMs)}.`,
        ]),
    ...(memoryShare === undefined
      ? []
      : [`The tenants of its collection may hold ${String(memoryShare)} of the memory together.`]),
  ];
}

function printWhy({ name, state, createdAtMs, lastChange }: TenantInfo): string {
  if (lastChange === undefined) {
    return `${name} is ${state} since it was made, ${printMoment(createdAtMs)}.`;
  }
  const { from, reason, atMs, idleMs, schedule } = lastChange;
  const byWhat = schedule === undefined ? REASONS[reason] : `warm schedule ${schedule}`;
  const why = idleMs === undefined ? byWhat : `policy: idle ${printIdle(idleMs)}`;
  return `${name} is ${state} since ${printMoment(atMs)}: ${why}; before it was ${from}.`;
}

/** In its largest unit, rounded down. */
export function printIdle(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, length]) => ms >= length) ?? SECOND;
  return `${String(Math.floor(ms / unitMs))} ${unit}`;
}

const SECOND = ["s", 1_000] as const;
const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
] as const;

export function printMoment(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
