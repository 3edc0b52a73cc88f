import type { ActionTarget } from "../../access/index.ts";

/** What names of a request are about, for access; a tenant only where rights know tenants. */
export function targetOf(named: {
  readonly database?: string;
  readonly collection?: string;
  readonly tenant?: string | undefined;
}): ActionTarget & { readonly tenant?: string } {
  const { database, collection, tenant } = named;
  return {
    ...(database === undefined ? {} : { database }),
    ...(collection === undefined ? {} : { collection }),
    ...(tenant === undefined ? {} : { tenant }),
  };
}
