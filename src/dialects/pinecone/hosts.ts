/**
 * How a request says which index it is for, and what a description gives as the host of an index.
 *
 * A path below `/ix/NAME` is always understood. A description gives the address by which the client
 * has reached us: it will reach us there again, also behind a proxy or a mapped port.
 */
import { createHash } from "node:crypto";
import { InsulaError } from "../../base/errors.ts";
import type { HttpRequest } from "../../wire/index.ts";
import type { PineconeSettings } from "../dialect.ts";
import type { Caller } from "./caller.ts";
import { decodeSegment } from "./rest/members.ts";

const PATH_PREFIX = "/ix/";
/** Hexadecimal digits that stand for the project in a host. */
const PROJECT_DIGITS = 7;

/** What a request is about, before anybody looks who asks. */
export interface Address {
  /** undefined: the control plane. */
  readonly index: string | undefined;
  /** Of a virtual host; undefined where the host names no project. */
  readonly projectLabel: string | undefined;
  /** Of an index, when neither path nor host says which; whose it is only a known caller learns. */
  readonly port?: number;
  /** Behind the prefix; at least "/", without a slash at its end. */
  readonly path: string;
}

type Addressed = Pick<HttpRequest, "host" | "path" | "localPort">;

/**
 * @param isIndexPort  whether a port of ours is an index's.
 * @throws InsulaError `argument_invalid` for a name that is not percent-encoded UTF-8.
 */
export function readAddress(
  { host, path, localPort }: Addressed,
  isIndexPort: (port: number) => boolean = () => false,
): Address {
  if (path.startsWith(PATH_PREFIX)) {
    const end = path.indexOf("/", PATH_PREFIX.length);
    const name = path.slice(PATH_PREFIX.length, end < 0 ? path.length : end);
    const rest = end < 0 ? "/" : path.slice(end);
    return { index: decodeSegment(name), projectLabel: undefined, path: withoutEnd(rest) };
  }
  const virtual = VIRTUAL_HOST.exec(host);
  const rest = withoutEnd(path);
  if (virtual !== null) return { index: virtual[1], projectLabel: virtual[2], path: rest };
  const port = localPort !== undefined && isIndexPort(localPort) ? { port: localPort } : {};
  return { index: undefined, projectLabel: undefined, path: rest, ...port };
}

/** `INDEX-PROJECT.svc.`, whatever the domain is. */
const VIRTUAL_HOST = /^([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)-([0-9a-f]{7})\.svc\./;

/** The host of an index as descriptions give it. */
export function hostOf(
  settings: PineconeSettings,
  request: Pick<HttpRequest, "host" | "scheme">,
  index: { readonly project: string; readonly name: string; readonly port?: number | undefined },
): string {
  const scheme = settings.hostScheme === "auto" ? request.scheme : settings.hostScheme;
  const prefix = scheme === "none" ? "" : `${scheme}://`;
  if (index.port !== undefined) {
    return `${prefix}${request.host.replace(/:\d+$/, "")}:${String(index.port)}`;
  }
  if (settings.indexHosts === "domain") {
    const { domain } = settings;
    return `${prefix}${index.name}-${projectLabel(index.project)}.svc.${domain}${portOf(request.host)}`;
  }
  return `${prefix}${request.host}${PATH_PREFIX}${encodeURIComponent(index.name)}`;
}

/** A host that names another project than the key's is nowhere, for that key. */
export function checkProject(
  { projectLabel: label, index = "" }: Address,
  { project }: Pick<Caller, "project">,
): void {
  if (label === undefined || label === projectLabel(project)) return;
  throw new InsulaError("collection_not_found", `Resource ${index} not found`);
}

export function projectLabel(project: string): string {
  return createHash("sha256").update(project).digest("hex").slice(0, PROJECT_DIGITS);
}

/** `:443` with its colon; "" when the authority has none. */
function portOf(authority: string): string {
  return /:\d+$/.exec(authority)?.[0] ?? "";
}

function withoutEnd(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
