/** The bodies that calls about databases, collections and tenants take. */
import { InsulaError } from "../../base/errors.ts";
import {
  DIMENSION_MAX,
  RECALL_MAX,
  RECALL_MIN,
  TENANTS_CREATED_MAX,
  UNFILTERABLE_PROPERTIES_MAX,
  VECTOR_FIELDS_MAX,
} from "../../base/limits.ts";
import { RERANK_DOCUMENTS_MAX } from "../../embed/index.ts";
import type { CollectionOptions, CollectionPatch, VectorFieldPatch } from "../../engine/api.ts";
import {
  DEFAULT_RECALL,
  DEFAULT_VECTOR,
  type FieldMemory,
  type Metric,
  type SparseField,
  type TenantPolicyPatch,
  type VectorField,
} from "../../model/index.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { POLICY_BODY } from "./policy-body.ts";
import {
  choice,
  flag,
  integer,
  list,
  nullable,
  numberIn,
  object,
  optional,
  refusal,
  text,
  type Schema,
} from "./schema.ts";

const METRICS: readonly Metric[] = ["cosine", "dot", "euclidean", "manhattan", "hamming"];

export interface NamedBody {
  readonly name: string;
}

export const NAMED_BODY: Schema<NamedBody> = object(
  { name: text("1 to 512 bytes of UTF-8") },
  "What is created.",
);

export const TENANTS_BODY: Schema<{ readonly names: readonly string[] }> = object(
  { names: list(text("1 to 512 bytes of UTF-8"), TENANTS_CREATED_MAX, "of the tenants") },
  "What is created, where it is missing.",
);

export interface CollectionBody {
  readonly name: string;
  readonly dimension: number | undefined;
  readonly metric: Metric | undefined;
  readonly recall: number | undefined;
  readonly memory: FieldMemory | undefined;
  readonly vectors: readonly ReadField[] | undefined;
  readonly sparseVectors: readonly SparseField[] | undefined;
  readonly tenancy: "single" | "multi" | undefined;
  readonly unfilterable: readonly string[] | undefined;
  readonly embeddingModel: string | undefined;
  readonly createsTenants: boolean | undefined;
  readonly activatesTenants: boolean | undefined;
  readonly policy: TenantPolicyPatch | undefined;
}

/** A vector field as it is read: members that are left out are there, and undefined. */
interface ReadField extends Pick<VectorField, "name" | "dimension" | "metric"> {
  readonly recall: number | undefined;
  readonly memory: FieldMemory | undefined;
}

const dimension = integer(1, DIMENSION_MAX, "components of the vector");
const metric = choice(METRICS, "how distances are measured; smaller is nearer");

const recall = numberIn(
  RECALL_MIN,
  RECALL_MAX,
  `share of the true nearest that searches aim at; default ${String(DEFAULT_RECALL)}`,
);

const TENANT_RULES = {
  createsTenants: optional(
    flag("with tenants: a write to one that does not exist creates it; default true"),
  ),
  activatesTenants: optional(
    flag("with tenants: a call about records of an INACTIVE one makes it ACTIVE; default false"),
  ),
  policy: optional(POLICY_BODY),
};

const memory = choice(
  ["small", "fast"],
  "small: a bit a component in memory, rows are read from files; default fast",
);

export const COLLECTION_BODY: Schema<CollectionBody> = object(
  {
    name: text("1 to 512 bytes of UTF-8"),
    dimension: optional(dimension),
    metric: optional(metric),
    recall: optional(recall),
    memory: optional(memory),
    vectors: optional(
      list(
        object(
          {
            name: text("of the field"),
            dimension,
            metric,
            recall: optional(recall),
            memory: optional(memory),
          },
          "one vector field",
        ),
        VECTOR_FIELDS_MAX,
        "several named vectors a record, instead of dimension, metric, recall and memory",
      ),
    ),
    sparseVectors: optional(
      list(
        object({ name: text("of the field") }, "one field of sparse vectors"),
        VECTOR_FIELDS_MAX,
        "sparse vectors a record may have, besides or instead of the others",
      ),
    ),
    tenancy: optional(choice(["single", "multi"], "multi: one shard a tenant; default single")),
    unfilterable: optional(
      list(
        text("a property"),
        UNFILTERABLE_PROPERTIES_MAX,
        "properties that are returned but never indexed",
      ),
    ),
    embeddingModel: optional(text("the model whose vectors fill the collection")),
    ...TENANT_RULES,
  },
  "A collection; either dimension or vectors, or only sparseVectors.",
);

function toField({ recall: aim, memory: kept, ...field }: ReadField): VectorField {
  return {
    ...field,
    ...(aim === undefined ? {} : { recall: aim }),
    ...(kept === undefined ? {} : { memory: kept }),
  };
}

/**
 * @throws InsulaError `argument_invalid` unless there is one of dimension and vectors, or sparse
 *   fields without either.
 */
export function toCollectionOptions(body: CollectionBody): CollectionOptions {
  const { sparseVectors = [] } = body;
  const isSparse = sparseVectors.length > 0 && body.dimension === undefined;
  if (!isSparse && (body.dimension === undefined) === (body.vectors === undefined)) {
    throw refusal("dimension", "expected either dimension or vectors");
  }
  for (const name of ["recall", "memory"] as const) {
    if (body.vectors === undefined || body[name] === undefined) continue;
    throw refusal(name, "expected it in vectors, for each field");
  }
  const unnamed = {
    name: DEFAULT_VECTOR,
    dimension: body.dimension ?? 0,
    metric: body.metric ?? "cosine",
    recall: body.recall,
    memory: body.memory,
  };
  const { embeddingModel } = body;
  if (embeddingModel === "") throw refusal("embeddingModel", "expected a name");
  return {
    schema: {
      vectors: (body.vectors ?? (isSparse ? [] : [unnamed])).map(toField),
      ...(sparseVectors.length === 0 ? {} : { sparseVectors }),
      identity: "key",
      unfilterable: body.unfilterable ?? [],
    },
    tenancy: body.tenancy ?? "single",
    ...(embeddingModel === undefined ? {} : { embeddingModel }),
    ...toRules(body),
  };
}

type RuleName = "createsTenants" | "activatesTenants" | "policy";

function toRules({
  createsTenants,
  activatesTenants,
  policy,
}: Pick<CollectionBody, RuleName>): Pick<CollectionOptions, RuleName> {
  return {
    ...(createsTenants === undefined ? {} : { createsTenants }),
    ...(activatesTenants === undefined ? {} : { activatesTenants }),
    ...(policy === undefined ? {} : { policy }),
  };
}

export interface CollectionPatchBody {
  readonly createsTenants: boolean | undefined;
  readonly activatesTenants: boolean | undefined;
  readonly policy: TenantPolicyPatch | undefined;
  readonly status: "enabled" | "disabled" | undefined;
  readonly embeddingModel: string | null | undefined;
  readonly vectors:
    readonly { readonly name: string; readonly recall: number | null | undefined }[] | undefined;
}

export const COLLECTION_PATCH_BODY: Schema<CollectionPatchBody> = object(
  {
    status: optional(choice(["enabled", "disabled"], "a disabled collection refuses records")),
    embeddingModel: optional(nullable(text("null forgets it"))),
    vectors: optional(
      list(
        object(
          {
            name: text("of the field; empty for the unnamed one"),
            recall: optional(nullable(recall)),
          },
          "one vector field; null is the default again",
        ),
        VECTOR_FIELDS_MAX,
        "fields that change; nothing is written anew",
      ),
    ),
    ...TENANT_RULES,
  },
  "What changes.",
);

export function toCollectionPatch(body: CollectionPatchBody): CollectionPatch {
  const { status, embeddingModel, vectors } = body;
  if (embeddingModel === "") throw refusal("embeddingModel", "expected a name");
  return {
    ...(status === undefined ? {} : { status }),
    ...(embeddingModel === undefined ? {} : { embeddingModel }),
    ...(vectors === undefined ? {} : { vectors: vectors.map(toFieldPatch) }),
    ...toRules(body),
  };
}

function toFieldPatch({
  name,
  recall: aim,
}: NonNullable<CollectionPatchBody["vectors"]>[number]): VectorFieldPatch {
  return aim === undefined ? { name } : { name, recall: aim };
}

export interface EmbedBody {
  readonly texts: readonly string[];
  readonly model: string | undefined;
  readonly dimension: number | undefined;
}

export const EMBED_BODY: Schema<EmbedBody> = object(
  {
    texts: list(text("a text"), NATIVE_LIMITS.embedTextsMax, "texts to embed"),
    model: optional(text("default: the one the server is configured with")),
    dimension: optional(integer(1, DIMENSION_MAX, "components of each vector")),
  },
  "Texts to vectors.",
);

export interface RerankBody {
  readonly query: string;
  readonly documents: readonly string[];
  readonly topN: number | undefined;
}

export const RERANK_BODY: Schema<RerankBody> = object(
  {
    query: text("what the documents are compared with"),
    documents: list(text("a text"), RERANK_DOCUMENTS_MAX, "texts; long ones are cut"),
    topN: optional(integer(1, RERANK_DOCUMENTS_MAX, "results; default all")),
  },
  "Texts by relevance.",
);

export function missing(
  code: "database_not_found" | "collection_not_found" | "tenant_not_found",
  word: string,
  name: string,
): InsulaError {
  return new InsulaError(
    code,
    `Cannot get ${word} ${JSON.stringify(name)}: there is none of that name.`,
  );
}
