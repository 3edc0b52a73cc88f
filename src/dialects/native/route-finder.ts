/** The route of a method and path; names in the path are decoded. */
import { InsulaError } from "../../base/errors.ts";
import type { HttpRequest } from "../../wire/index.ts";
import type { Route } from "./route.ts";

/** Every path of this dialect but the manual's starts so; no other dialect has a path below it. */
export const NATIVE_PATH_PREFIX = "/insula/v1/";

export interface FoundRoute {
  readonly route: Route;
  readonly names: ReadonlyMap<string, string>;
}

/** @throws InsulaError `route_not_found`; `argument_invalid` for a path that is not UTF-8. */
export function findRoute(
  routes: readonly Route[],
  { method, path }: Pick<HttpRequest, "method" | "path">,
): FoundRoute {
  const rest = path.startsWith(NATIVE_PATH_PREFIX) ? path.slice(NATIVE_PATH_PREFIX.length) : "";
  const segments = rest.split("/").map(decodeSegment);
  for (const route of routes) {
    const names = route.method === method ? match(partsOf(route), segments) : undefined;
    if (names !== undefined) return { route, names };
  }
  throw new InsulaError(
    "route_not_found",
    `Cannot answer ${method.slice(0, 16)} here: there is no such route below ${NATIVE_PATH_PREFIX}.`,
  );
}

const PARTS = new WeakMap<Route, readonly string[]>();

function partsOf(route: Route): readonly string[] {
  const known = PARTS.get(route);
  if (known !== undefined) return known;
  const parts = route.pattern.split("/");
  PARTS.set(route, parts);
  return parts;
}

function match(
  parts: readonly string[],
  segments: readonly string[],
): ReadonlyMap<string, string> | undefined {
  if (parts.length !== segments.length) return undefined;
  let names: Map<string, string> | undefined;
  for (const [i, part] of parts.entries()) {
    const segment = segments[i] ?? "";
    if (part.startsWith(":") && segment !== "") (names ??= new Map()).set(part.slice(1), segment);
    else if (part !== segment) return undefined;
  }
  return names ?? NO_NAMES;
}

const NO_NAMES: ReadonlyMap<string, string> = new Map();

/**
 * Clients and proxies take the segments "." and ".." out of a path, encoded or not. A name that is
 * one of them is written with "~" before it; so is a name that would then be mistaken for one.
 */
const DOTS = /^~+\.\.?$/;

function decodeSegment(segment: string): string {
  if (!segment.includes("%") && !segment.startsWith("~")) return segment;
  try {
    const name = decodeURIComponent(segment);
    return DOTS.test(name) ? name.slice(1) : name;
  } catch (cause) {
    throw new InsulaError(
      "argument_invalid",
      "Cannot read the path: expected percent-encoded UTF-8.",
      { cause },
    );
  }
}
