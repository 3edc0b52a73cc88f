/**
 * Chooses the operation of a request by its method and the end of its raw path: a prefix in front,
 * and doubled slashes, come from endpoints that are written with a path.
 */
import { S3_OPERATIONS } from "./operations.ts";
import type { S3Operation } from "./operations.ts";
import { violation } from "./errors.ts";

/** Pairs of one query. Source: ours; 50 tag names and a signature. */
const QUERY_PAIRS_MAX = 100;
/** The ARN is one encoded segment; some clients leave its slashes as they are. */
const TAGS = /(?:^|\/)tags\/+(arn(?::|%3A).*)$/i;

export interface S3Route {
  readonly operation: S3Operation;
  /** In the calls about tags, still percent-encoded. */
  readonly rawArn: string | undefined;
}

/** Undefined when no operation is meant. */
export function routeRequest(request: {
  readonly method: string;
  readonly path: string;
}): S3Route | undefined {
  const { method, path } = request;
  const rawArn = TAGS.exec(path)?.[1];
  if (rawArn !== undefined) {
    const operation = S3_OPERATIONS.find((row) => row.path === "tags" && row.method === method);
    return operation === undefined ? undefined : { operation, rawArn };
  }
  const name = path.slice(path.lastIndexOf("/") + 1);
  const operation = S3_OPERATIONS.find(
    (row) => row.path === "name" && row.name === name && row.method === method,
  );
  return operation === undefined ? undefined : { operation, rawArn: undefined };
}

/**
 * The values of one key of a query, in the order given.
 * @throws InsulaError `argument_invalid` for what is not UTF-8 behind the percent signs.
 */
export function queryValues(query: string, key: string): readonly string[] {
  const pairs = query === "" ? [] : query.split("&");
  if (pairs.length > QUERY_PAIRS_MAX) {
    throw violation(
      `/${key}`,
      `Member must have length less than or equal to ${String(QUERY_PAIRS_MAX)}`,
    );
  }
  const values: string[] = [];
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if ((equals < 0 ? pair : pair.slice(0, equals)) !== key) continue;
    try {
      values.push(
        decodeURIComponent(equals < 0 ? "" : pair.slice(equals + 1).replaceAll("+", " ")),
      );
    } catch {
      throw violation(`/${key}`, "Member must be valid UTF-8");
    }
  }
  return values;
}
