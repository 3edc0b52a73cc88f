/** `insula tenant sweep`: what the policy of a collection does with tenants that nobody uses. */
import type { Command } from "commander";
import { isInsulaError } from "../../base/errors.ts";
import { PAGE_ITEMS_MAX } from "../../base/limits.ts";
import type { DueTenant, TenantSweepRequest, TenantSweepSlice } from "../../engine/api.ts";
import type { TenantPolicyPatch } from "../../model/index.ts";
import { withSession } from "../command.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { notes } from "../help.ts";
import { toShare } from "../option-values.ts";
import { printBytes, printCount, printCounted, printTable, type Output } from "../output.ts";
import type { SessionCatalog } from "../session.ts";
import { printIdle } from "./tenant-why-command.ts";

export const INACTIVE_AFTER_HELP = "put active tenants to rest that nobody used for so long: 30m";
export const OFFLOAD_AFTER_HELP = "offload tenants that nobody used for so long: 12h, 7d; none";

export const MEMORY_SHARE_HELP = "share of the memory its tenants may hold, 0.001 to 1; none";

export interface PolicyOptions {
  readonly memoryShare?: string;
  readonly inactiveAfter?: string;
  readonly offloadAfter?: string;
}

interface SweepOptions extends PolicyOptions {
  readonly dryRun?: true;
}

/** `none` takes a part away; undefined when nothing is said. */
export function policyOf(options: PolicyOptions): TenantPolicyPatch | undefined {
  const { inactiveAfter, offloadAfter, memoryShare } = options;
  const patch: TenantPolicyPatch = {
    ...(inactiveAfter !== undefined && { inactiveAfter: unlessNone(inactiveAfter) }),
    ...(offloadAfter !== undefined && { offloadAfter: unlessNone(offloadAfter) }),
    ...(memoryShare !== undefined && { memoryShare: shareUnlessNone(memoryShare) }),
  };
  return Object.keys(patch).length === 0 ? undefined : patch;
}

export function printPolicy(place: string, options: PolicyOptions): string {
  const { inactiveAfter, offloadAfter, memoryShare } = options;
  const lines = [
    printPart(place, "INACTIVE", inactiveAfter),
    printPart(place, "OFFLOADED", offloadAfter),
    printShare(place, memoryShare),
  ];
  return lines.filter((line) => line !== "").join("\n");
}

function printPart(place: string, state: string, after: string | undefined): string {
  if (after === undefined) return "";
  return after === "none"
    ? `A tenant of ${place} that nobody uses does not become ${state} by itself.`
    : `A tenant of ${place} that nobody uses for ${after} becomes ${state}.`;
}

function printShare(place: string, share: string | undefined): string {
  if (share === undefined) return "";
  return share === "none"
    ? `The tenants of ${place} may hold as much memory as there is.`
    : `The tenants of ${place} may hold ${share} of the memory together.`;
}

function shareUnlessNone(text: string): number | null {
  return text === "none" ? null : toShare(text);
}

function unlessNone(text: string): string | null {
  return text === "none" ? null : text;
}

export function addTenantSweep(tenant: Command): void {
  tenant
    .command("sweep <database> <collection>")
    .description("do what the collection's policy says with tenants that nobody uses")
    .option("--dry-run", "say who is due, and change nothing")
    .option("--inactive-after <time>", "with --dry-run: as if the policy said so")
    .option("--offload-after <time>", "with --dry-run: as if the policy said so")
    .option("--memory-share <share>", "with --dry-run: as if the policy said so")
    .addHelpText(
      "after",
      notes(
        [
          "insula tenant sweep acme notes --dry-run",
          "insula tenant sweep acme notes --dry-run --inactive-after 12h --offload-after 30d",
        ],
        "A server does it by itself every minute. Nobody is woken.",
      ),
    )
    .action(
      async (database: string, collection: string, options: SweepOptions, command: Command) => {
        await withSession(command, false, async ({ catalog }, output) => {
          const swept = await sweepAll(catalog, { database, collection }, options);
          output.result(printable(swept), () => printSwept(output, swept, options));
          if (swept.failed === 0) return;
          throw new CommandError(
            EXIT_CODES.failed,
            `${printCounted(swept.failed, "tenant")} could not be changed.`,
            "The same command tries them again.",
          );
        });
      },
    );
}

type Swept = Omit<TenantSweepSlice, "next">;

async function sweepAll(
  catalog: SessionCatalog,
  { database, collection }: { readonly database: string; readonly collection: string },
  options: SweepOptions,
): Promise<Swept> {
  const policy = policyOf(options);
  const asked: TenantSweepRequest = {
    limit: PAGE_ITEMS_MAX,
    isDryRun: options.dryRun === true,
    ...(policy === undefined ? {} : { policy }),
  };
  let sums: Swept = { looked: 0, pinned: 0, due: [], failures: [], failed: 0 };
  let after: string | undefined;
  do {
    const behind = after === undefined ? {} : { after };
    const slice = await catalog.sweepTenants(database, collection, { ...asked, ...behind });
    sums = {
      looked: sums.looked + slice.looked,
      pinned: sums.pinned + slice.pinned,
      ...(slice.keptWarm !== undefined && {
        keptWarm: (sums.keptWarm ?? 0) + slice.keptWarm,
      }),
      ...(slice.memory !== undefined && { memory: slice.memory }),
      due: [...sums.due, ...slice.due],
      failures: [...sums.failures, ...slice.failures],
      failed: sums.failed + slice.failed,
    };
    after = slice.next;
  } while (after !== undefined);
  return sums;
}

function printable({ failures, ...swept }: Swept): object {
  return {
    ...swept,
    failures: failures.map(({ tenant, error }) => ({
      tenant,
      code: isInsulaError(error) ? error.code : "unexpected",
      message: error.message,
    })),
  };
}

function printSwept(
  output: Output,
  { looked, pinned, keptWarm = 0, memory, due, failures }: Swept,
  options: SweepOptions,
): string {
  const verb = options.dryRun === true ? "due" : "changed";
  const spared = pinned === 0 ? "" : `, ${printCount(pinned)} pinned`;
  const warm = keptWarm === 0 ? "" : `, ${printCount(keptWarm)} kept warm`;
  const of = `${printCount(due.length)} of ${printCounted(looked, "tenant")}`;
  const sum = `${of} ${verb}${spared}${warm}.`;
  const holding =
    memory === undefined
      ? []
      : [`They hold ${printBytes(memory.loadedBytes)} of ${printBytes(memory.loadedBytesMax)}.`];
  const failed = failures.map(({ tenant, error }) => `${tenant}: ${error.message}`);
  const lines = [...holding, ...failed];
  if (due.length === 0) return [sum, ...lines].join("\n");
  const table = printTable(output, [["TENANT", "STATE", "BECOMES", "IDLE"], ...due.map(toRow)]);
  return [table, sum, ...lines].join("\n");
}

function toRow({ tenant, from, to, idleMs }: DueTenant): readonly string[] {
  return [tenant, from, to, printIdle(idleMs)];
}
