/** What all commands have in common: the global options, a session that is closed again, errors. */
import type { Command } from "commander";
import { createOutput, type Output } from "./output.ts";
import { openSession } from "./open-session.ts";
import type { Session } from "./session.ts";

/** Options that every command takes, before or after its name. */
export interface GlobalOptions {
  readonly dataDir: string;
  readonly url?: string;
  readonly json?: true;
}

/** Items asked of a listing at once, and of a whole listing on the command line. */
export const LISTING_PAGE = 1_000;

/**
 * Opens a session, runs `work`, closes the session whatever happens.
 *
 * @param isCreating  whether a missing data folder is made.
 */
export async function withSession(
  command: Command,
  isCreating: boolean,
  work: (session: Session, output: Output) => Promise<void>,
): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const session = await openSession({ dataDir: options.dataDir, url: options.url, isCreating });
  try {
    await work(session, createOutput(options.json === true));
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

/** All names of a listing, page after page. */
export async function collectPages<Item>(
  ask: (
    after: string | undefined,
  ) => Promise<{ readonly items: readonly Item[]; readonly hasMore: boolean }>,
  nameOf: (item: Item) => string,
): Promise<Item[]> {
  const items: Item[] = [];
  for (;;) {
    const last = items.at(-1);
    const page = await ask(last === undefined ? undefined : nameOf(last));
    items.push(...page.items);
    if (!page.hasMore || page.items.length === 0) return items;
  }
}

export function pageAfter(
  after: string | undefined,
  prefix?: string,
): { limit: number; after?: string; prefix?: string } {
  return {
    limit: LISTING_PAGE,
    ...(after !== undefined && { after }),
    ...(prefix !== undefined && { prefix }),
  };
}
