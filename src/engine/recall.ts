/** The measurement of recall at one place, on request. */
import { InsulaError } from "../base/errors.ts";
import { QUERIES_MAX } from "../base/limits.ts";
import {
  RECALL_SAMPLE_DEFAULT,
  type Place,
  type Query,
  type RecallReport,
  type RecallRequest,
  type Schema,
} from "../model/index.ts";
import type { PlaceCalls } from "./place-calls.ts";
import { checkQueries } from "./request-checks.ts";
import type { Records } from "./records.ts";
import { hasShard } from "./tenant-gate.ts";

/**
 * @throws InsulaError as a search does, and `argument_invalid` for more than QUERIES_MAX searches,
 *   more than TOP_K_MAX hits of all together, or both vectors and a sample.
 */
export async function measureRecall(
  { records, calls }: { readonly records: Records; readonly calls: PlaceCalls },
  place: Place,
  request: RecallRequest,
): Promise<RecallReport> {
  const found = await records.resolve(place);
  const { collection } = found;
  checkRequest(collection.schema, request);
  request.signal?.throwIfAborted();
  if (!hasShard(found)) return NOTHING;
  const recall = request.recall ?? collection.row.recalls.get(request.field);
  const asked = recall === undefined ? request : { ...request, recall };
  const count = request.vectors?.length ?? request.sample ?? RECALL_SAMPLE_DEFAULT;
  return calls.use(
    found,
    { kind: "query", count, fields: [request.field], signal: request.signal },
    (open, { work }) => open.measureRecall(asked, work),
  );
}

function checkRequest(schema: Schema, request: RecallRequest): void {
  const { field, vectors, topK, filter, recall, sample = RECALL_SAMPLE_DEFAULT } = request;
  if (vectors !== undefined && request.sample !== undefined) {
    throw new InsulaError(
      "argument_invalid",
      "Cannot measure recall: expected vectors or a sample, not both.",
    );
  }
  if (!Number.isInteger(sample) || sample < 1) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot measure recall: expected a sample of 1 or more, received ${String(sample)}.`,
    );
  }
  const include = { vectors: false, metadata: false };
  const shared = {
    field,
    topK,
    include,
    ...(filter === undefined ? {} : { filter }),
    ...(recall === undefined ? {} : { recall }),
  };
  const dimension = schema.vectors.find(({ name }) => name === field)?.dimension ?? 0;
  const drawn = (): Query => ({ ...shared, vector: new Float32Array(dimension) });
  checkQueries(
    schema,
    vectors?.map((vector) => ({ ...shared, vector })) ??
      Array.from({ length: Math.min(sample, QUERIES_MAX + 1) }, drawn),
  );
}

/** Of a tenant that does not exist. */
const NOTHING: RecallReport = {
  recall: 1,
  recallMin: 1,
  queryCount: 0,
  wanted: 0,
  found: 0,
  paths: {},
  ms: { planned: 0, exact: 0 },
};
