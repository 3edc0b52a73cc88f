/** `insula tenant activate`, `deactivate`, `offload`, `onload`: on one tenant or many. */
import type { Command } from "commander";
import { isInsulaError } from "../../base/errors.ts";
import { isNamePattern } from "../../base/name-pattern.ts";
import { walkTenants, type TenantsChanged, type TenantsWalk } from "../../client/index.ts";
import type { TenantChoice } from "../../engine/api.ts";
import type { RequestedState } from "../../model/index.ts";
import { withSession } from "../command.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { notes } from "../help.ts";
import { watchInterrupts } from "../interrupt.ts";
import { printCount, printCounted, type Output } from "../output.ts";
import { findCollection } from "../place-options.ts";
import { createProgress, type Progress } from "../progress.ts";
import type { Session } from "../session.ts";

/** What was done to tenants, and what those are that needed nothing. */
export interface Doing {
  readonly done: string;
  readonly already: string;
}

interface ManyCommand extends Doing {
  readonly verb: string;
  readonly state: RequestedState;
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
          const { state } = kind;
          const changed = await changeAll({ session, output, place }, choicesOf(names), (walk) =>
            walkTenants(
              (request) =>
                session.catalog.setTenantStates(database, collection, { ...request, state }),
              walk,
            ),
          );
          output.result({ state, ...printable(changed) }, () => printChanged(kind, changed));
          requireAll(changed);
        });
      });
  }
}

export interface Work {
  readonly session: Session;
  readonly output: Output;
  readonly place: { readonly database: string; readonly collection: string };
}

/** All names at once, then pattern after pattern. */
export function choicesOf(given: readonly string[]): readonly TenantChoice[] {
  const names = given.filter((text) => !isNamePattern(text));
  const patterns = given.filter(isNamePattern).map((pattern) => ({ pattern }));
  return names.length === 0 ? patterns : [{ names }, ...patterns];
}

/** @throws CommandError when it is interrupted: between two slices. */
export async function changeAll(
  { session, output, place }: Work,
  choices: readonly TenantChoice[],
  change: (walk: TenantsWalk) => Promise<TenantsChanged>,
): Promise<TenantsChanged> {
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
      const done = await change({
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

export function printable({ failures, ...counts }: TenantsChanged): object {
  return {
    ...counts,
    failures: failures.map(({ tenant, error }) => ({
      tenant,
      code: isInsulaError(error) ? error.code : "unexpected",
      message: error.message,
    })),
  };
}

export function printChanged({ done, already }: Doing, changed: TenantsChanged): string {
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

export function requireAll({ changed, unchanged, missing, failed }: Counts): void {
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
