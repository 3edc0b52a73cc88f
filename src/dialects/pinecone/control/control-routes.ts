/** Paths of the control plane to its calls. */
import { InsulaError } from "../../../base/errors.ts";
import { embed } from "../inference/embed.ts";
import { describeModel, listModels } from "../inference/model-list.ts";
import { rerank } from "../inference/rerank.ts";
import { decodeSegment } from "../rest/members.ts";
import type { ControlAnswer, ControlCall } from "./call.ts";
import {
  configureIndex,
  createIndex,
  createIndexForModel,
  deleteIndex,
  describeIndex,
  listIndexes,
} from "./indexes.ts";

interface ControlRoute {
  readonly method: string;
  /** Segments of the path; `*` is a name. */
  readonly path: readonly string[];
  readonly operation: string;
  readonly run: (call: ControlCall) => Promise<ControlAnswer>;
}

/** There are none, and none can be made: they are copies of pods. */
function listCollections(): Promise<ControlAnswer> {
  return Promise.resolve({ status: 200, json: { collections: [] } });
}

const ROUTES: readonly ControlRoute[] = [
  { method: "GET", path: ["indexes"], operation: "ListIndexes", run: listIndexes },
  { method: "POST", path: ["indexes"], operation: "CreateIndex", run: createIndex },
  {
    method: "POST",
    path: ["indexes", "create-for-model"],
    operation: "CreateIndexForModel",
    run: createIndexForModel,
  },
  { method: "GET", path: ["indexes", "*"], operation: "DescribeIndex", run: describeIndex },
  { method: "PATCH", path: ["indexes", "*"], operation: "ConfigureIndex", run: configureIndex },
  { method: "DELETE", path: ["indexes", "*"], operation: "DeleteIndex", run: deleteIndex },
  { method: "GET", path: ["collections"], operation: "ListCollections", run: listCollections },
  { method: "POST", path: ["embed"], operation: "Embed", run: embed },
  { method: "POST", path: ["rerank"], operation: "Rerank", run: rerank },
  { method: "GET", path: ["models"], operation: "ListModels", run: listModels },
  { method: "GET", path: ["models", "*"], operation: "DescribeModel", run: describeModel },
];

/** First segments of what the vendor has and we have not: refused in its own word. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  "backups",
  "backup-schedules",
  "collections",
  "restore-jobs",
]);

export interface FoundControlRoute {
  readonly operation: string;
  readonly run: (call: ControlCall) => Promise<ControlAnswer>;
  /** Of the path; "" where there is none. */
  readonly name: string;
}

/** @throws InsulaError `route_not_found`, `operation_unsupported`, `argument_invalid` */
export function findControlRoute(method: string, path: string): FoundControlRoute {
  const segments = path.slice(1).split("/").map(decodeSegment);
  for (const route of ROUTES) {
    if (route.method !== method || route.path.length !== segments.length) continue;
    if (!route.path.every((part, i) => part === segments[i] || (part === "*" && segments[i]))) {
      continue;
    }
    const name = segments[route.path.indexOf("*")] ?? "";
    return { operation: route.operation, run: route.run, name };
  }
  const [first = "", , third] = segments;
  if (UNSUPPORTED.has(first) || (first === "indexes" && (third ?? segments[1]) !== undefined)) {
    throw new InsulaError(
      "operation_unsupported",
      `${method} ${path.slice(0, 64)} is not supported`,
    );
  }
  throw new InsulaError("route_not_found", "No operation has this method and path");
}
