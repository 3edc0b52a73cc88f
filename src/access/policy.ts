/**
 * Policy documents of vector buckets: who else may do what, beyond the owner.
 *
 * The text is the user's and is kept byte for byte by the dialect; here it is parsed, refused when
 * any part of it would not be understood, and evaluated. A part that is ignored would be a hole in
 * a `Deny`, so unknown members, conditions and forms of principals are errors, never skipped.
 *
 * Grammar: the OSS bucket policy, version "1".
 */
import { InsulaError } from "../base/errors.ts";
import { POLICY_BYTES_MAX, STATEMENT_ITEMS_MAX, STATEMENTS_MAX } from "./limits.ts";
import { matchesAny } from "./pattern.ts";

export interface BucketPolicy {
  readonly statements: readonly PolicyStatement[];
}

export interface PolicyStatement {
  readonly effect: "allow" | "deny";
  /** Operation patterns without prefix, lower case: `putvectors`, `query*`. */
  readonly actions: readonly string[];
  /** Account ids, key ids or `*`. */
  readonly principals: readonly string[];
  /** Patterns of full resource names. */
  readonly resources: readonly string[];
}

export interface PolicyRequest {
  /** The operation alone: `PutVectors`. */
  readonly operation: string;
  readonly accountId: string;
  readonly keyId: string;
  readonly resource: {
    readonly region: string;
    readonly accountId: string;
    readonly bucket: string;
    /** Vector index; absent for operations on the bucket. */
    readonly index?: string;
  };
}

/** @throws InsulaError `argument_invalid`, saying which part is not understood. */
export function parseBucketPolicy(text: string): BucketPolicy {
  if (Buffer.byteLength(text) > POLICY_BYTES_MAX) {
    throw refused(`expected at most ${String(POLICY_BYTES_MAX)} bytes`);
  }
  const document = asObject(parseJson(text), "the document");
  allowOnly(document, ["Version", "Statement"], "the document");
  if (document.get("Version") !== "1") throw refused('Version must be "1"');
  const statements = document.get("Statement");
  if (!Array.isArray(statements) || statements.length < 1 || statements.length > STATEMENTS_MAX) {
    throw refused(`Statement must be a list of 1 to ${String(STATEMENTS_MAX)}`);
  }
  return { statements: statements.map((value: unknown) => parseStatement(value)) };
}

/**
 * What the statements say about one request; a `deny` wins over any `allow`. `unstated` leaves the
 * decision to ownership: the account of the bucket needs no Allow, every other does.
 */
export function evaluateBucketPolicy(
  policy: BucketPolicy,
  request: PolicyRequest,
): "allow" | "deny" | "unstated" {
  const { region, accountId, bucket, index } = request.resource;
  const suffix = index === undefined ? "" : `/${index}`;
  const resource = `acs:ossvector:${region}:${accountId}:${bucket}${suffix}`;
  const operation = request.operation.toLowerCase();
  let result: "allow" | "unstated" = "unstated";
  for (const statement of policy.statements) {
    if (!isAbout(statement.principals, request)) continue;
    if (!matchesAny(statement.actions, operation)) continue;
    if (!matchesAny(statement.resources, resource)) continue;
    if (statement.effect === "deny") return "deny";
    result = "allow";
  }
  return result;
}

function isAbout(principals: readonly string[], request: PolicyRequest): boolean {
  return principals.some(
    (name) => name === "*" || name === request.accountId || name === request.keyId,
  );
}

function parseStatement(value: unknown): PolicyStatement {
  const statement = asObject(value, "a statement");
  if (statement.has("Condition") && !isEmptyObject(statement.get("Condition"))) {
    throw refused("Condition is not supported; remove it or split the policy by principal");
  }
  allowOnly(statement, ["Effect", "Action", "Principal", "Resource", "Condition"], "a statement");
  const effect = statement.get("Effect");
  if (effect !== "Allow" && effect !== "Deny") throw refused("Effect must be Allow or Deny");
  return {
    effect: effect === "Allow" ? "allow" : "deny",
    actions: asList(statement, "Action").map(parseAction),
    principals: asList(statement, "Principal").map(parsePrincipal),
    resources: asList(statement, "Resource").map(parseResource),
  };
}

function parseAction(action: string): string {
  if (action === "*") return action;
  const parts = /^(?:ossvector|oss):([A-Za-z*]{1,64})$/i.exec(action);
  if (parts?.[1] === undefined) {
    throw refused('an Action must be "*", "ossvector:<Operation>" or "oss:<Operation>"');
  }
  return parts[1].toLowerCase();
}

function parsePrincipal(principal: string): string {
  if (/^(\*|[A-Za-z0-9_-]{1,128})$/.test(principal)) return principal;
  throw refused('a Principal must be an account id, an access key id or "*"');
}

function parseResource(resource: string): string {
  if (resource === "*") return resource;
  const parts = /^acs:(?:ossvector|oss):([^:]*):([^:]*):([^:]{1,256})$/.exec(resource);
  if (parts === null) {
    throw refused(
      'a Resource must be "*" or "acs:ossvector:<region>:<account>:<bucket>[/<index>]"',
    );
  }
  const [, region = "", account = "", name = ""] = parts;
  return `acs:ossvector:${region === "" ? "*" : region}:${account === "" ? "*" : account}:${name}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InsulaError("argument_invalid", "Cannot use the policy: it is not JSON.", { cause });
  }
}

function asObject(value: unknown, what: string): ReadonlyMap<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refused(`${what} must be an object`);
  }
  return new Map(Object.entries(value));
}

function allowOnly(
  object: ReadonlyMap<string, unknown>,
  names: readonly string[],
  what: string,
): void {
  for (const name of object.keys()) {
    if (!names.includes(name)) {
      throw refused(`${what} has the unknown member ${JSON.stringify(name.slice(0, 64))}`);
    }
  }
}

function asList(statement: ReadonlyMap<string, unknown>, name: string): readonly string[] {
  const value = statement.get(name);
  const list: unknown = typeof value === "string" ? [value] : value;
  if (!Array.isArray(list) || list.length < 1 || list.length > STATEMENT_ITEMS_MAX) {
    throw refused(`${name} must be a list of 1 to ${String(STATEMENT_ITEMS_MAX)} strings`);
  }
  return list.map((item: unknown) => {
    if (typeof item !== "string") throw refused(`${name} must hold strings only`);
    return item;
  });
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function refused(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot use the policy: ${reason}.`);
}
