/** What a dialect works with once it knows who asks. */
import type { Principal } from "../access/index.ts";
import type { DialectContext } from "./dialect.ts";

/** The same, with an engine that is held to the limits of the caller's key, where it has any. */
export function contextOf(context: DialectContext, principal: Principal): DialectContext {
  if (principal.limits === undefined) return context;
  return { ...context, engine: context.access.engineFor(principal, context.engine) };
}
