/**
 * Answers of the data plane as JSON text, in the vendor's camel case. What may be long is added to
 * the text of the answer, piece by piece; each function returns what comes behind that.
 */
import { printFloat32, printFloat32Array, printJson } from "../../../wire/index.ts";
import type { AnswerText } from "../../answer-text.ts";
import type {
  FetchAnswer,
  FetchByMetadataAnswer,
  ListAnswer,
  ListNamespacesAnswer,
  NamespaceDescription,
  QueryAnswer,
  ScoredVector,
  SearchRecordsAnswer,
  SparseValues,
  StatsAnswer,
  StoredVector,
} from "../operations/messages.ts";

export async function printQuery(
  { matches, namespace, usage }: QueryAnswer,
  text: AnswerText,
): Promise<string> {
  // Old clients look for results, which the vendor leaves empty.
  await text.add('{"results":[],"matches":[').list(matches, printMatch);
  return `],"namespace":${JSON.stringify(namespace)},"usage":${JSON.stringify(usage)}}`;
}

function printMatch({ id, score, values, sparseValues, metadata }: ScoredVector): string {
  return (
    `{"id":${JSON.stringify(id)},"score":${printFloat32(score)},` +
    `"values":${values === undefined ? "[]" : printFloat32Array(values)}${printRest({ sparseValues, metadata })}}`
  );
}

export async function printFetch(
  { vectors, namespace, usage }: FetchAnswer,
  text: AnswerText,
): Promise<string> {
  await text
    .add('{"vectors":{')
    .list(vectors, (vector) => `${JSON.stringify(vector.id)}:${printStored(vector)}`);
  return `},"namespace":${JSON.stringify(namespace)},"usage":${JSON.stringify(usage)}}`;
}

function printStored({ id, values, sparseValues, metadata }: StoredVector): string {
  return (
    `{"id":${JSON.stringify(id)},` +
    `"values":${values === undefined ? "[]" : printFloat32Array(values)}${printRest({ sparseValues, metadata })}}`
  );
}

function printRest({
  sparseValues,
  metadata,
}: {
  readonly sparseValues: SparseValues | undefined;
  readonly metadata: StoredVector["metadata"] | undefined;
}): string {
  const sparse =
    sparseValues === undefined
      ? ""
      : `,"sparseValues":{"indices":[${sparseValues.indices.join()}],` +
        `"values":${printFloat32Array(sparseValues.values)}}`;
  return metadata === undefined ? sparse : `${sparse},"metadata":${printJson(metadata)}`;
}

export async function printFetchByMetadata(
  answer: FetchByMetadataAnswer,
  text: AnswerText,
): Promise<string> {
  const { next } = answer;
  const pagination = next === undefined ? "" : `,"pagination":{"next":${JSON.stringify(next)}}`;
  return `${(await printFetch(answer, text)).slice(0, -1)}${pagination}}`;
}

/** Counts are texts: they are 64-bit numbers in the vendor's messages. */
export function printNamespace(namespace: NamespaceDescription): string {
  return JSON.stringify(toNamespaceJson(namespace));
}

export function printNamespaces({ namespaces, next, totalCount }: ListNamespacesAnswer): string {
  return JSON.stringify({
    namespaces: namespaces.map(toNamespaceJson),
    pagination: next === undefined ? null : { next },
    total_count: totalCount,
  });
}

function toNamespaceJson({ name, recordCount, sizeBytes }: NamespaceDescription): object {
  return { name, record_count: String(recordCount), size_bytes: String(sizeBytes) };
}

export function printList({ ids, next, namespace, usage }: ListAnswer): string {
  return JSON.stringify({
    vectors: ids.map((id) => ({ id })),
    ...(next === undefined ? {} : { pagination: { next } }),
    ...{ namespace, usage },
  });
}

export function printStats(stats: StatsAnswer): string {
  const { namespaces, ...rest } = stats;
  const entries = namespaces.map(
    ({ name, vectorCount }) => `${JSON.stringify(name)}:{"vectorCount":${String(vectorCount)}}`,
  );
  return `{"namespaces":{${entries.join()}},${JSON.stringify(rest).slice(1)}`;
}

/** In snake case, as all of the vendor's calls about texts. */
export async function printHits(
  { hits, usage }: SearchRecordsAnswer,
  text: AnswerText,
): Promise<string> {
  await text
    .add('{"result":{"hits":[')
    .list(
      hits,
      ({ id, score, fields }) =>
        `{"_id":${JSON.stringify(id)},"_score":${printFloat32(score)},"fields":${printJson(fields)}}`,
    );
  const { readUnits, embedTotalTokens, rerankUnits } = usage;
  const shown = {
    read_units: readUnits,
    embed_total_tokens: embedTotalTokens,
    rerank_units: rerankUnits,
  };
  return `]},"usage":${JSON.stringify(shown)}}`;
}
