/** The OpenAPI 3.1 document of the routes, from the same schemas that read their bodies. */
import { ERROR_KINDS } from "../../base/errors.ts";
import { NATIVE_PATH_PREFIX } from "./route-finder.ts";
import type { Route } from "./route.ts";
import type { JsonSchema } from "./schema.ts";

export interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly [name: string]: unknown;
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: true; readonly content: Content };
  readonly responses: Readonly<Record<string, object>>;
  readonly security?: readonly [];
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
}

interface Content {
  readonly "application/json": { readonly schema: JsonSchema };
}

export function describeRoutes(routes: readonly Route[]): OpenApi {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    const path = toPath(route.pattern);
    (paths[path] ??= {})[route.method.toLowerCase()] = describe(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Insula",
      version: "v1",
      description:
        "Insula's own HTTP interface: databases, collections, tenants, records, searches. Names in " +
        "paths are percent-encoded; a name that is . or .. has a ~ before it.",
    },
    paths,
    components: {
      securitySchemes: {
        secret: {
          type: "http",
          scheme: "bearer",
          description: "The admin secret, or <key id>.<secret> of a key.",
        },
      },
      schemas: { Problem: PROBLEM },
    },
    security: [{ secret: [] }],
  };
}

function toPath(pattern: string): string {
  return NATIVE_PATH_PREFIX + pattern.replaceAll(/:(\w+)/g, "{$1}");
}

function describe(route: Route): Operation {
  const isPlaced = route.pattern.includes("/tenants/:tenant/");
  const refused = {
    description: "A problem of RFC 9457; its member code is one of docs/errors.md.",
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
  };
  return {
    // The same operation on a collection and on a tenant has two ids.
    operationId: isPlaced ? `${route.operation}InTenant` : route.operation,
    summary: route.summary,
    tags: [route.area === "open" || route.area === "public" ? "node" : route.area],
    parameters: [
      ...pathParameters(route.pattern),
      ...(route.isPaged === true ? PAGE : []),
      ...(route.parameters ?? []).map((parameter) => ({ ...parameter, ...QUERY_TEXT })),
    ],
    ...(route.takes === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { "application/json": { schema: route.takes.schema.json } },
          },
        }),
    responses: {
      [String(route.status)]:
        route.status === 204
          ? { description: "Done." }
          : {
              description: "Done.",
              content: {
                [route.hasLines === true ? "application/jsonl" : "application/json"]: {
                  schema: route.answers?.json ?? { type: "object" },
                },
              },
            },
      default: refused,
    },
    ...(route.area === "public" ? { security: [] } : {}),
  };
}

function pathParameters(pattern: string): readonly Parameter[] {
  return [...pattern.matchAll(/:(\w+)/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    description: name === "key" ? "id of a key" : `name of a ${name}`,
    schema: { type: "string" },
  }));
}

const QUERY_TEXT = { in: "query", required: false, schema: { type: "string" } } as const;

const PAGE: readonly Parameter[] = [
  ...[
    ["limit", "items of the page", "integer"] as const,
    ["after", "names after this one, which need not exist", "string"] as const,
    ["prefix", "names start with it", "string"] as const,
  ].map(([name, description, type]) => ({
    name,
    in: "query" as const,
    required: false,
    description,
    schema: { type },
  })),
];

const PROBLEM: JsonSchema = {
  type: "object",
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { enum: Object.keys(ERROR_KINDS) },
    details: { type: "object" },
    requestId: { type: "string" },
    retryAfterMs: { type: "number" },
  },
  required: ["type", "title", "status", "detail", "code", "details", "requestId"],
};
