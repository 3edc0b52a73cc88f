/** `insula tenant activate`, `deactivate`, `offload`, `onload`, `warm`: on one tenant or many. */
import type { Command } from "commander";
import { isInsulaError } from "../../base/errors.ts";
import { isNamePattern } from "../../base/name-pattern.ts";
import { walkTenants, type TenantsChanged } from "../../client/index.ts";
import type { TenantChoice, TenantStatesSlice, TenantWarmRequest } from "../../engine/api.ts";
import type { RequestedState } from "../../model/index.ts";
import { withSession } from "../command.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { notes } from "../help.ts";
import { watchInterrupts } from "../interrupt.ts";
import { printCount, printCounted, type Output } from "../output.ts";
import { findCollection } from "../place-options.ts";
import { createProgress, type Progress } from "../progress.ts";
import type { Session } from "../session.ts";

interface ManyCommand {
  readonly verb: string;
  /** What was done to them, and what those are that needed nothing. */
  readonly done: string;
  readonly already: string;
  /** Absent: they are woken. */
  readonly state?: RequestedState;
  readonly description: string;
  readonly note: string;
}

const COMMANDS: readonly ManyCommand[] = [
  {
    verb: "activate",
    done: "activated",
    already: "so already",
    state: "ACTIVE",
    description: "let tenants answer calls again",
    note: "They wake with their next call.",
  },
  {
    verb: "deactivate",
    done: "deactivated",
    already: "so already",
    state: "INACTIVE",
    description: "put tenants to sleep and refuse calls about their records",
    note: "Where the collection activates tenants by itself, the next call makes them active again.",
  },
  {
    verb: "offload",
    done: "offloaded",
    already: "so already",
    state: "OFFLOADED",
    description: "move tenants to the object store of the setting offloadTo",
    note: "Each is read back and compared before its bytes here go.",
  },
  {
    verb: "onload",
    done: "onloaded",
    already: "so already",
    state: "ACTIVE",
    description: "bring tenants back from the object store, and let them answer calls",
    note: "One that is here already is activated.",
  },
  {
    verb: "warm",
    done: "woken",
    already: "awake",
    description: "wake tenants of a server before they are needed",
    note: "They sleep again when they are idle. None is activated.",
  },
];

export function addTenantStateCommands(tenant: Command): void {
  for (const kind of COMMANDS) {
    const { verb, description, note } = kind;
    tenant
      .command(`${verb} <database> <collection> <tenant...>`)
      .description(description)
      .addHelpText(
        "after",
        notes(
          [
            `insula tenant ${verb} acme notes team-1 team-2`,
            `insula tenant ${verb} acme notes 'team-*' --json`,
          ],
          `* is any text of a name, ? one character, \\ stands before one that is meant itself. ${note}`,
        ),
      )
      .action(async (...given: [string, string, readonly string[], unknown, Command]) => {
        const [database, collection, names, , command] = given;
        await withSession(command, false, async (session, output) => {
          const place = { database, collection };
          const changed = await changeAll({ session, output, place, kind }, choicesOf(names));
          output.result(printable(kind, changed), () => printChanged(kind, changed));
          requireAll(changed);
        });
      });
  }
}

interface Work {
  readonly session: Session;
  readonly output: Output;
  readonly place: { readonly database: string; readonly collection: string };
  readonly kind: ManyCommand;
}

function askOf({
  session: { catalog },
  place: { database, collection },
  kind: { state },
}: Work): (request: TenantWarmRequest) => Promise<TenantStatesSlice> {
  return (request) =>
    state === undefined
      ? catalog.warmTenants(database, collection, request)
      : catalog.setTenantStates(database, collection, { ...request, state });
}

/** All names at once, then pattern after pattern. */
function choicesOf(given: readonly string[]): readonly TenantChoice[] {
  const names = given.filter((text) => !isNamePattern(text));
  const patterns = given.filter(isNamePattern).map((pattern) => ({ pattern }));
  return names.length === 0 ? patterns : [{ names }, ...patterns];
}

/** @throws CommandError when it is interrupted: between two slices. */
async function changeAll(work: Work, choices: readonly TenantChoice[]): Promise<TenantsChanged> {
  const { session, output, place } = work;
  const { database, collection } = place;
  const { tenantCount } = await findCollection(session, database, collection);
  const total = choices.reduce((sum, { names }) => sum + (names?.length ?? tenantCount), 0);
  const progress = createProgress(output, total, "tenants");
  using interruption = watchInterrupts();
  const { signal } = interruption;
  try {
    let sums: TenantsChanged = { changed: 0, unchanged: 0, missing: 0, failed: 0, failures: [] };
    for (const choice of choices) {
      const before = sums;
      const done = await walkTenants(askOf(work), {
        ...choice,
        signal,
        onProgress: (now) => {
          showProgress(progress, add(before, now));
        },
      });
      sums = { ...add(before, done), failures: [...before.failures, ...done.failures] };
    }
    return sums;
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new CommandError(EXIT_CODES.interrupted, "Interrupted.", "The same command goes on.");
  } finally {
    progress.stop();
  }
}

type Counts = Omit<TenantsChanged, "failures">;

function add(a: Counts, b: Counts): Counts {
  return {
    changed: a.changed + b.changed,
    unchanged: a.unchanged + b.unchanged,
    missing: a.missing + b.missing,
    failed: a.failed + b.failed,
  };
}

function showProgress(progress: Progress, { changed, unchanged, missing, failed }: Counts): void {
  const remark = failed === 0 ? `${printCount(changed)} changed` : `${printCount(failed)} failed`;
  progress.update(changed + unchanged + missing + failed, remark);
}

function printable({ state }: ManyCommand, { failures, ...counts }: TenantsChanged): object {
  return {
    ...(state === undefined ? {} : { state }),
    ...counts,
    failures: failures.map(({ tenant, error }) => ({
      tenant,
      code: isInsulaError(error) ? error.code : "unexpected",
      message: error.message,
    })),
  };
}

function printChanged({ done, already }: ManyCommand, changed: TenantsChanged): string {
  const { unchanged, missing, failed, failures } = changed;
  const parts = [
    `${printCounted(changed.changed, "tenant")} ${done}`,
    ...(unchanged === 0 ? [] : [`${printCount(unchanged)} ${already}`]),
    ...(missing === 0 ? [] : [`${printCount(missing)} not there`]),
    ...(failed === 0 ? [] : [`${printCount(failed)} failed`]),
  ];
  const lines = failures.map(({ tenant, error }) => `${tenant}: ${error.message}`);
  return [`${parts.join(", ")}.`, ...lines].join("\n");
}

function requireAll({ changed, unchanged, missing, failed }: Counts): void {
  if (failed > 0) {
    throw new CommandError(
      EXIT_CODES.failed,
      `${printCounted(failed, "tenant")} could not be changed.`,
      "The same command tries them again.",
    );
  }
  if (missing === 0 && changed + unchanged > 0) return;
  throw new CommandError(
    EXIT_CODES.notFound,
    missing === 0 ? "No tenant matches." : `${printCounted(missing, "tenant")} not found.`,
    "`insula tenant ls DATABASE COLLECTION` lists what is there.",
  );
}
