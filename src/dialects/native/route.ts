/** What a route of the interface is made of. */
import type { Principal } from "../../access/index.ts";
import type { Place } from "../../model/index.ts";
import type { HttpRequest } from "../../wire/index.ts";
import type { AccessTrail } from "../access-trail.ts";
import type { BodyHold } from "../body-room.ts";
import type { DialectContext } from "../dialect.ts";
import type { Schema } from "./schema.ts";

/** What a route works with; names come decoded from the path. */
export interface Call {
  readonly context: DialectContext;
  readonly request: HttpRequest;
  readonly principal: Principal;
  /** Told what the request is about, for the audit log. */
  readonly trail: AccessTrail;
  /** Room for what is long of it. */
  readonly hold: BodyHold;
  readonly database: string;
  readonly collection: string;
  /** undefined where neither the path names one nor the key is bound to one. */
  readonly tenant: string | undefined;
  /** A tenant's name in all collections; of the routes of customers. */
  readonly customer: string;
  /** Id of a key. */
  readonly key: string;
}

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the prefix; `:database`, `:collection`, `:tenant`, `:customer` and `:key` are names. */
  readonly pattern: string;
  /** Name for access (`<area>:<operation>`), for metrics and in the OpenAPI document. */
  readonly operation: string;
  /** `open`: any known key may. `public`: nobody is asked who he is. */
  readonly area: "admin" | "records" | "open" | "public";
  /** What the body's `name` names and the route creates; rights are asked for that. */
  readonly creates?: "database" | "collection" | "tenant";
  readonly status: 200 | 201 | 204;
  readonly summary: string;
  readonly takes?: BodyRules;
  /** True for a listing: `?limit=&after=&prefix=`. */
  readonly isPaged?: boolean;
  /** Other words of its query, all of them text that may be missing. */
  readonly parameters?: readonly QueryParameter[];
  /** What {@link Route.run} gives, unless it says less than "an object". */
  readonly answers?: Schema<unknown>;
  /** True where {@link Route.run} gives JSON Lines, each of them as {@link Route.answers} says. */
  readonly hasLines?: boolean;
  /** @returns what is answered as JSON, JSON as a `JsonText`, or `JsonLines`; undefined for 204. */
  readonly run: (call: Call, body: unknown) => Promise<unknown>;
}

export interface QueryParameter {
  readonly name: string;
  readonly description: string;
}

export interface BodyRules {
  readonly schema: Schema<unknown>;
  readonly bytesMax: number;
  /** Where lists of numbers stand; they are parsed apart. */
  readonly numbers?: readonly (readonly string[])[];
  /** In the share of writes; absent: of searches and reads. */
  readonly isWrite?: true;
}

/** A route with a body, typed by its schema. */
export function withBody<Body>(
  route: Omit<Route, "takes" | "run"> & {
    readonly takes: Omit<BodyRules, "schema"> & { readonly schema: Schema<Body> };
    readonly run: (call: Call, body: Body) => Promise<unknown>;
  },
): Route {
  const { run } = route;
  return { ...route, run: (call, body) => run(call, body as Body) };
}

/** The place a path names, as long as its caller waits. */
export function placeOf({ database, collection, tenant, request: { signal } }: Call): Place {
  return { database, collection, ...(tenant === undefined ? {} : { tenant }), signal };
}
