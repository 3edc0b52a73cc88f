/** Bodies and query strings of the administration routes, from `unknown` to our words, once. */
import type { Grant, NewAccessKey } from "../../access/index.ts";
import { InsulaError } from "../../base/errors.ts";
import { PAGE_ITEMS_MAX } from "../../base/limits.ts";
import type { CollectionOptions, CollectionPatch, PageRequest } from "../../engine/api.ts";
import { DEFAULT_VECTOR, type Metric } from "../../model/index.ts";

/** A JSON object whose members are not looked at yet. */
export type Members = Readonly<Record<string, unknown>>;

/** Items of a page when nobody asks for a number. */
const PAGE_ITEMS_DEFAULT = 100;
/** Grants of one key, and patterns of one grant. Source: ours. */
const GRANTS_MAX = 64;
const METRICS: readonly Metric[] = ["cosine", "dot", "euclidean"];

/** @throws InsulaError `body_malformed` */
export function decodeBody(body: Uint8Array): Members {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new InsulaError(
      "body_malformed",
      "Cannot read the request: body: expected JSON in UTF-8.",
      {
        cause,
      },
    );
  }
  if (!isMembers(value)) {
    throw new InsulaError(
      "body_malformed",
      "Cannot read the request: body: expected a JSON object.",
    );
  }
  return value;
}

export function decodePage(query: string): PageRequest {
  const parameters = new URLSearchParams(query);
  const limitText = parameters.get("limit");
  const limit = limitText === null ? PAGE_ITEMS_DEFAULT : Number(limitText);
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_ITEMS_MAX) {
    throw refusal(`limit: expected a whole number from 1 to ${String(PAGE_ITEMS_MAX)}`);
  }
  const prefix = parameters.get("prefix");
  const after = parameters.get("after");
  return { limit, ...(prefix !== null && { prefix }), ...(after !== null && { after }) };
}

export function decodeName(members: Members): string {
  return toText(members["name"], "name");
}

/** `{name, dimension, metric?, tenancy?, unfilterable?, embeddingModel?}` */
export function decodeCollection(members: Members): CollectionOptions {
  refuseUnknown(members, [
    "name",
    "dimension",
    "metric",
    "tenancy",
    "unfilterable",
    "embeddingModel",
  ]);
  const dimension = members["dimension"];
  if (typeof dimension !== "number") throw refusal("dimension: expected a number");
  const metric = members["metric"] ?? "cosine";
  const known = METRICS.find((name) => name === metric);
  if (known === undefined) throw refusal(`metric: expected one of ${METRICS.join(", ")}`);
  const tenancy = members["tenancy"] ?? "single";
  if (tenancy !== "single" && tenancy !== "multi") {
    throw refusal('tenancy: expected "single" or "multi"');
  }
  const embeddingModel = members["embeddingModel"];
  return {
    schema: {
      vectors: [{ name: DEFAULT_VECTOR, dimension, metric: known }],
      identity: "key",
      unfilterable: toTexts(members["unfilterable"] ?? [], "unfilterable"),
    },
    tenancy,
    ...(embeddingModel !== undefined && {
      embeddingModel: toText(embeddingModel, "embeddingModel"),
    }),
  };
}

/** `{status?, embeddingModel?}`; a model of null forgets it. */
export function decodeCollectionPatch(members: Members): CollectionPatch {
  refuseUnknown(members, ["status", "embeddingModel"]);
  const { status, embeddingModel } = members;
  if (status !== undefined && status !== "enabled" && status !== "disabled") {
    throw refusal('status: expected "enabled" or "disabled"');
  }
  return {
    ...(status !== undefined && { status }),
    ...(embeddingModel !== undefined && {
      embeddingModel: embeddingModel === null ? null : toText(embeddingModel, "embeddingModel"),
    }),
  };
}

/** `{grants: [{actions, databases}], accountId?, expiresAtMs?}` */
export function decodeKey(members: Members): NewAccessKey {
  refuseUnknown(members, ["grants", "accountId", "expiresAtMs"]);
  const { grants, accountId, expiresAtMs } = members;
  if (!Array.isArray(grants) || grants.length > GRANTS_MAX) {
    throw refusal(`grants: expected a list of at most ${String(GRANTS_MAX)}`);
  }
  if (
    expiresAtMs !== undefined &&
    (typeof expiresAtMs !== "number" || !Number.isSafeInteger(expiresAtMs))
  ) {
    throw refusal("expiresAtMs: expected milliseconds since 1970");
  }
  return {
    grants: grants.map((grant, i) => toGrant(grant, `grants[${String(i)}]`)),
    ...(accountId !== undefined && { accountId: toText(accountId, "accountId") }),
    ...(expiresAtMs !== undefined && { expiresAtMs }),
  };
}

function toGrant(value: unknown, name: string): Grant {
  if (!isMembers(value)) throw refusal(`${name}: expected {actions, databases}`);
  refuseUnknown(value, ["actions", "databases"]);
  return {
    actions: toTexts(value["actions"], `${name}.actions`),
    databases: toTexts(value["databases"], `${name}.databases`),
  };
}

function toTexts(value: unknown, name: string): readonly string[] {
  if (!Array.isArray(value) || value.length > GRANTS_MAX) {
    throw refusal(`${name}: expected a list of at most ${String(GRANTS_MAX)} strings`);
  }
  return value.map((text, i) => toText(text, `${name}[${String(i)}]`));
}

function toText(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "")
    throw refusal(`${name}: expected a non-empty string`);
  return value;
}

/** A misspelt member must not be a silent default. */
function refuseUnknown(members: Members, known: readonly string[]): void {
  const stranger = Object.keys(members).find((name) => !known.includes(name));
  if (stranger !== undefined) {
    throw refusal(`${JSON.stringify(stranger)}: expected only ${known.join(", ")}`);
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refusal(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot read the request: ${reason}.`);
}
