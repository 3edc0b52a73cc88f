import type { ActionTarget } from "../../access/index.ts";

/** What names of a request are about, for access. */
export function targetOf(named: {
  readonly database?: string | undefined;
  readonly collection?: string | undefined;
  readonly tenant?: string | undefined;
}): ActionTarget {
  const { database, collection, tenant } = named;
  return {
    ...(database === undefined ? {} : { database }),
    ...(collection === undefined ? {} : { collection }),
    ...(tenant === undefined ? {} : { tenant }),
  };
}
