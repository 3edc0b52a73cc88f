/** Who asks, from the API key of a request. */
import type { Principal } from "../../access/index.ts";
import type { AccessTrail } from "../access-trail.ts";

/** A caller that has proven to hold a key. */
export interface Caller {
  readonly principal: Principal;
  /** Database of the key: its project, in the words of the vendor. */
  readonly project: string;
  readonly trail: AccessTrail;
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
}
