/** What policy documents of both grammars have in common: an object with a list of statements. */
import { InsulaError } from "../base/errors.ts";
import { POLICY_BYTES_MAX, STATEMENT_ITEMS_MAX, STATEMENTS_MAX } from "./limits.ts";

/** A JSON object as a map, so that no member is mistaken for one of Object's own. */
export type PolicyObject = ReadonlyMap<string, unknown>;

export interface PolicyDocument {
  readonly document: PolicyObject;
  readonly statements: readonly PolicyObject[];
}

/**
 * @param isLoneTaken  whether one statement may stand without a list around it.
 * @throws InsulaError `argument_invalid`
 */
export function parsePolicyDocument(text: string, isLoneTaken = false): PolicyDocument {
  if (Buffer.byteLength(text) > POLICY_BYTES_MAX) {
    throw refused(`expected at most ${String(POLICY_BYTES_MAX)} bytes`);
  }
  const document = asObject(parseJson(text), "the document");
  const given = document.get("Statement");
  const isLone = isLoneTaken && typeof given === "object" && !Array.isArray(given);
  const statements: unknown = isLone ? [given] : given;
  if (!Array.isArray(statements) || statements.length < 1 || statements.length > STATEMENTS_MAX) {
    throw refused(`Statement must be a list of 1 to ${String(STATEMENTS_MAX)}`);
  }
  return { document, statements: statements.map((value: unknown) => asStatement(value)) };
}

export function readEffect(statement: PolicyObject): "allow" | "deny" {
  const effect = statement.get("Effect");
  if (effect !== "Allow" && effect !== "Deny") throw refused("Effect must be Allow or Deny");
  return effect === "Allow" ? "allow" : "deny";
}

export function asObject(value: unknown, what: string): PolicyObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refused(`${what} must be an object`);
  }
  return new Map(Object.entries(value));
}

export function allowOnly(object: PolicyObject, names: readonly string[], what: string): void {
  for (const name of object.keys()) {
    if (!names.includes(name)) {
      throw refused(`${what} has the unknown member ${JSON.stringify(name.slice(0, 64))}`);
    }
  }
}

/** One string, or a list of some. */
export function asList(value: unknown, name: string): readonly string[] {
  const list: unknown = typeof value === "string" ? [value] : value;
  if (!Array.isArray(list) || list.length < 1 || list.length > STATEMENT_ITEMS_MAX) {
    throw refused(`${name} must be a list of 1 to ${String(STATEMENT_ITEMS_MAX)} strings`);
  }
  return list.map((item: unknown) => {
    if (typeof item !== "string") throw refused(`${name} must hold strings only`);
    return item;
  });
}

export function refused(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot use the policy: ${reason}.`);
}

function asStatement(value: unknown): PolicyObject {
  const statement = asObject(value, "a statement");
  if (statement.has("Condition") && !isEmptyObject(statement.get("Condition"))) {
    throw refused("Condition is not supported; remove it or split the policy by principal");
  }
  return statement;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InsulaError("argument_invalid", "Cannot use the policy: it is not JSON.", { cause });
  }
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
