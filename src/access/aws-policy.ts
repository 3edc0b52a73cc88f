/**
 * Bucket policies in the grammar of AWS, for S3 Vectors: versions 2012-10-17 and 2008-10-17, with
 * `Sid` and `Id`, which say nothing. What would need a service of theirs (conditions, roles,
 * federated principals) or a wildcard we do not have (`?`) is refused, never skipped.
 *
 * Source: IAM, "JSON policy element reference".
 */
import {
  allowOnly,
  asList,
  asObject,
  parsePolicyDocument,
  readEffect,
  refused,
} from "./policy-document.ts";
import type { PolicyObject } from "./policy-document.ts";
import type { BucketPolicy, PolicyStatement } from "./policy.ts";

const VERSIONS: readonly unknown[] = ["2012-10-17", "2008-10-17", undefined];

/** @throws InsulaError `argument_invalid`, saying which part is not understood. */
export function parseAwsBucketPolicy(text: string): BucketPolicy {
  const { document, statements } = parsePolicyDocument(text, true);
  allowOnly(document, ["Version", "Id", "Statement"], "the document");
  if (!VERSIONS.includes(document.get("Version"))) throw refused('Version must be "2012-10-17"');
  checkText(document, "Id");
  return { grammar: "aws", statements: statements.map(parseStatement) };
}

function parseStatement(statement: PolicyObject): PolicyStatement {
  allowOnly(
    statement,
    ["Sid", "Effect", "Action", "Principal", "Resource", "Condition"],
    "a statement",
  );
  checkText(statement, "Sid");
  return {
    effect: readEffect(statement),
    actions: asList(statement.get("Action"), "Action").map(parseAction),
    principals: parsePrincipals(statement.get("Principal")),
    resources: asList(statement.get("Resource"), "Resource").map(parseResource),
  };
}

function parseAction(action: string): string {
  if (action === "*") return action;
  const parts = /^s3vectors:([A-Za-z*]{1,64})$/i.exec(action);
  if (parts?.[1] === undefined) {
    throw refused('an Action must be "*" or "s3vectors:<Operation>", with "*" as the wildcard');
  }
  return parts[1].toLowerCase();
}

/** `"*"` or `{"AWS": …}`: accounts, their roots, and access keys as users of an account. */
function parsePrincipals(value: unknown): readonly string[] {
  if (value === "*") return ["*"];
  const principal = asObject(value, 'Principal, if it is not "*",');
  allowOnly(principal, ["AWS"], "Principal");
  return asList(principal.get("AWS"), "Principal.AWS").map(parsePrincipal);
}

function parsePrincipal(principal: string): string {
  if (/^(\*|\d{1,32})$/.test(principal)) return principal;
  const parts = /^arn:aws[-a-z0-9]*:iam::(\d{1,32}):(?:root|user\/([A-Za-z0-9_-]{1,128}))$/.exec(
    principal,
  );
  const [, account, keyId] = parts ?? [];
  if (account === undefined) {
    throw refused(
      'a Principal must be "*", an account id, "arn:aws:iam::<account>:root" or ' +
        '"arn:aws:iam::<account>:user/<access key id>"',
    );
  }
  return keyId === undefined ? account : `${account}/${keyId}`;
}

/** Partitions are names of one and the same here. */
function parseResource(resource: string): string {
  if (resource === "*") return resource;
  const parts = /^arn:(?:aws[-a-z0-9]*|\*):s3vectors:([^:?]*):([^:?]*):([^:?]{1,256})$/.exec(
    resource,
  );
  if (parts === null) {
    throw refused(
      'a Resource must be "*" or "arn:aws:s3vectors:<region>:<account>:bucket/<bucket>' +
        '[/index/<index>]", with "*" as the wildcard',
    );
  }
  const [, region = "", account = "", name = ""] = parts;
  if (!/^(?:bucket\/|\*)/.test(name)) throw refused("a Resource must be a bucket or an index");
  return `arn:aws:s3vectors:${region}:${account}:${name}`;
}

function checkText(object: PolicyObject, name: string): void {
  const value = object.get(name);
  if (value !== undefined && typeof value !== "string") throw refused(`${name} must be a string`);
}
