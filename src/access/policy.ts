/**
 * Policy documents of vector buckets: who else may do what, beyond the owner.
 *
 * The text is the user's and is kept byte for byte by the dialect; here it is parsed, refused when
 * any part of it would not be understood, and evaluated. A part that is ignored would be a hole in
 * a `Deny`, so unknown members, conditions and forms of principals are errors, never skipped.
 *
 * Grammars: the OSS bucket policy, version "1", parsed here; the AWS one in aws-policy.ts. A bucket
 * may have one of each; both are evaluated alike.
 */
import { matchesAny } from "./pattern.ts";
import { allowOnly, asList, parsePolicyDocument, readEffect, refused } from "./policy-document.ts";

export interface BucketPolicy {
  /** Whose names of operations and resources the statements use. */
  readonly grammar: PolicyGrammar;
  readonly statements: readonly PolicyStatement[];
}

export type PolicyGrammar = "oss" | "aws";

export interface PolicyStatement {
  readonly effect: "allow" | "deny";
  /** Operation patterns without prefix, lower case: `putvectors`, `query*`. */
  readonly actions: readonly string[];
  /** Account ids, key ids, `<account id>/<key id>` or `*`. */
  readonly principals: readonly string[];
  /** Patterns of full resource names. */
  readonly resources: readonly string[];
}

export interface PolicyRequest {
  /** The operation alone, as the policy's grammar calls it: `PutVectors`. */
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
  const { document, statements } = parsePolicyDocument(text);
  allowOnly(document, ["Version", "Statement"], "the document");
  if (document.get("Version") !== "1") throw refused('Version must be "1"');
  return { grammar: "oss", statements: statements.map(parseStatement) };
}

/**
 * What the statements say about one request; a `deny` wins over any `allow`. `unstated` leaves the
 * decision to ownership: the account of the bucket needs no Allow, every other does.
 */
export function evaluateBucketPolicy(
  policy: BucketPolicy,
  request: PolicyRequest,
): "allow" | "deny" | "unstated" {
  const resource = RESOURCE_NAMES[policy.grammar](request.resource);
  const operation = request.operation.toLowerCase();
  let result: "allow" | "unstated" = "unstated";
  for (const statement of policy.statements) {
    if (!isAboutPrincipal(statement.principals, request)) continue;
    if (!matchesAny(statement.actions, operation)) continue;
    if (!matchesAny(statement.resources, resource)) continue;
    if (statement.effect === "deny") return "deny";
    result = "allow";
  }
  return result;
}

/** Whether a list of principals names the caller: by `*`, account, key, or both. */
export function isAboutPrincipal(
  principals: readonly string[],
  caller: { readonly accountId: string; readonly keyId: string },
): boolean {
  const { accountId, keyId } = caller;
  const names = ["*", accountId, keyId, `${accountId}/${keyId}`];
  return principals.some((name) => names.includes(name));
}

/** The full name of a bucket or an index in each grammar. */
const RESOURCE_NAMES: Readonly<
  Record<PolicyGrammar, (resource: PolicyRequest["resource"]) => string>
> = {
  oss: ({ region, accountId, bucket, index }) =>
    `acs:ossvector:${region}:${accountId}:${bucket}${index === undefined ? "" : `/${index}`}`,
  aws: ({ region, accountId, bucket, index }) =>
    `arn:aws:s3vectors:${region}:${accountId}:bucket/${bucket}` +
    (index === undefined ? "" : `/index/${index}`),
};

function parseStatement(statement: ReadonlyMap<string, unknown>): PolicyStatement {
  allowOnly(statement, ["Effect", "Action", "Principal", "Resource", "Condition"], "a statement");
  return {
    effect: readEffect(statement),
    actions: asList(statement.get("Action"), "Action").map(parseAction),
    principals: asList(statement.get("Principal"), "Principal").map(parsePrincipal),
    resources: asList(statement.get("Resource"), "Resource").map(parseResource),
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
