/** `insula tenant warm`: tenants woken before they are needed, now or by schedules. */
import type { Command } from "commander";
import {
  warmTenants,
  type TenantsChanged,
  type TenantsWalk,
  type TenantsWarmed,
  type TenantsWarming,
} from "../../client/index.ts";
import type { TenantChoice } from "../../engine/api.ts";
import { withSession } from "../command.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { notes } from "../help.ts";
import { toWeekdays } from "../option-values.ts";
import { printCount, printCounted } from "../output.ts";
import {
  changeAll,
  choicesOf,
  printChanged,
  printable,
  requireAll,
  type Work,
} from "./tenant-state-commands.ts";
import {
  listSchedules,
  printWindow,
  removeSchedule,
  scheduleOf,
  setSchedule,
  type Timing,
} from "./warm-schedules.ts";

interface WarmOptions extends Timing {
  readonly schedule?: string;
  readonly dryRun?: true;
  readonly remove?: true;
  readonly list?: true;
}

const WOKEN = { done: "woken", already: "awake" } as const;
const EXAMPLES = [
  "insula tenant warm acme notes team-1 'vip-*'",
  "insula tenant warm acme notes 'team-*' --dry-run --json",
  "insula tenant warm acme notes 'team-*' --schedule office --days mon-fri \\\n" +
    "      --from 08:00 --to 18:00 --zone Europe/Berlin",
  "insula tenant warm acme notes --schedule office --dry-run",
  "insula tenant warm acme notes --schedule office --remove",
  "insula tenant warm acme notes --list",
];
const NOTES = [
  "* is any text of a name, ? one character, \\ stands before one that is meant itself. They " +
    "sleep again when they are idle. None is activated.",
  "A schedule wakes its tenants when its window opens, as far as there is room, activates those " +
    "that the policy put to rest, and keeps them awake and active until the window closes. An end " +
    "at or before the beginning is of the next day. Without tenants and times --schedule wakes " +
    "those of the schedule now.",
];

export function addTenantWarm(tenant: Command): void {
  tenant
    .command("warm <database> <collection> [tenant...]")
    .description("wake tenants of a server before they are needed, now or by a schedule")
    .option("--schedule <name>", "set this warm schedule, or wake its tenants now")
    .option("--days <days>", "when its window opens: mon-fri, mon,wed,sat-sun, daily", toWeekdays)
    .option("--from <time>", "time of day when it opens: 08:00")
    .option("--to <time>", "time of day when it closes: 18:00, 24:00")
    .option("--zone <zone>", "time zone of both: Europe/Berlin, UTC")
    .option("--remove", "take the schedule away")
    .option("--list", "list the schedules of the collection and their next windows")
    .option("--dry-run", "say who would be woken and when, and change nothing")
    .addHelpText("after", notes(EXAMPLES, ...NOTES))
    .action(async (...given: [string, string, readonly string[], WarmOptions, Command]) => {
      const [database, collection, tenants, options, command] = given;
      await withSession(command, false, async (session, output) => {
        const work = { session, output, place: { database, collection } };
        await warm(work, tenants, options);
      });
    });
}

async function warm(
  work: Work,
  tenants: readonly string[],
  { schedule, list, remove, dryRun, ...timing }: WarmOptions,
): Promise<void> {
  const isTimed = Object.keys(timing).length > 0;
  if (list === true) {
    if (schedule === undefined && remove === undefined && tenants.length === 0 && !isTimed) {
      await listSchedules(work);
      return;
    }
    throw misuse("--list takes no tenants and no other option.");
  }
  if (schedule === undefined) {
    if (isTimed || remove === true) throw misuse("A schedule needs a name: --schedule NAME.");
    if (tenants.length === 0) throw misuse("Which tenants: names, patterns or a --schedule.");
    await wakeAll(work, choicesOf(tenants), dryRun === true ? { isDryRun: true } : {});
    return;
  }
  const isSet = isTimed || tenants.length > 0;
  if (remove === true) {
    if (isSet || dryRun === true) throw misuse("--remove takes the name of the schedule only.");
    await removeSchedule(work, schedule);
  } else if (!isSet) {
    await wakeAll(work, [{}], { schedule, ...(dryRun === true && { isDryRun: true }) });
  } else if (dryRun === true) {
    const policy = { warm: { [schedule]: scheduleOf(tenants, timing) } };
    await wakeAll(work, [{}], { schedule, policy, isDryRun: true });
  } else {
    await setSchedule(work, schedule, scheduleOf(tenants, timing));
  }
}

async function wakeAll(
  work: Work,
  choices: readonly TenantChoice[],
  asked: Pick<TenantsWarming, "schedule" | "isDryRun" | "policy">,
): Promise<void> {
  const { output, place, session } = work;
  const { database, collection } = place;
  const names: string[] = [];
  let windows: TenantsWarmed["windows"];
  const change = async (walk: TenantsWalk): Promise<TenantsChanged> => {
    const done = await warmTenants(
      (request) => session.catalog.warmTenants(database, collection, request),
      { ...walk, ...asked },
    );
    names.push(...(done.names ?? []));
    ({ windows } = done);
    return done;
  };
  const changed = await changeAll(work, choices, change);
  const isDryRun = asked.isDryRun === true;
  const told = {
    ...printable(changed),
    ...(isDryRun && { names: [...new Set(names)] }),
    ...(windows === undefined ? {} : { windows }),
  };
  output.result(told, () => {
    const lines = (windows ?? []).map((window) => `Window ${printWindow(window)}.`);
    if (!isDryRun) return [printChanged(WOKEN, changed), ...lines].join("\n");
    return [...new Set(names), printDue(changed), ...lines].join("\n");
  });
  if (!isDryRun && asked.schedule === undefined) requireAll(changed);
}

function printDue({ changed, unchanged, missing, failed }: TenantsChanged): string {
  const parts = [
    `${printCounted(changed, "tenant")} would be woken`,
    ...(unchanged === 0 ? [] : [`${printCount(unchanged)} would stay as they are`]),
    ...(missing === 0 ? [] : [`${printCount(missing)} not there`]),
    ...(failed === 0 ? [] : [`${printCount(failed)} not active`]),
  ];
  return `${parts.join(", ")}.`;
}

function misuse(message: string): CommandError {
  return new CommandError(EXIT_CODES.usage, message, "`insula tenant warm --help` shows how.");
}
