/** Paths of the control plane to its calls. */
import { InsulaError } from "../../../base/errors.ts";
import { embed } from "../inference/embed.ts";
import { describeModel, listModels } from "../inference/model-list.ts";
import { rerank } from "../inference/rerank.ts";
import { decodeSegment } from "../rest/members.ts";
import {
  createBackup,
  deleteBackup,
  describeBackup,
  listBackups,
  listIndexBackups,
} from "./backups/backup-calls.ts";
import {
  createIndexFromBackup,
  describeRestoreJob,
  listRestoreJobs,
} from "./backups/restore-calls.ts";
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

/** There are none, and none can be made: they are copies of pods, which are none here. */
function listCollections(): Promise<ControlAnswer> {
  return Promise.resolve({ status: 200, json: { collections: [] } });
}

function createCollection(): Promise<ControlAnswer> {
  throw new InsulaError(
    "operation_unsupported",
    "Collections are not supported: there are no pods here. Make a backup of the index instead",
  );
}

function describeCollection({ name }: ControlCall): Promise<ControlAnswer> {
  throw new InsulaError("collection_not_found", `Resource ${name.slice(0, 64)} not found`);
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
  {
    method: "POST",
    path: ["indexes", "*", "backups"],
    operation: "CreateBackup",
    run: createBackup,
  },
  {
    method: "GET",
    path: ["indexes", "*", "backups"],
    operation: "ListIndexBackups",
    run: listIndexBackups,
  },
  { method: "GET", path: ["backups"], operation: "ListBackups", run: listBackups },
  { method: "GET", path: ["backups", "*"], operation: "DescribeBackup", run: describeBackup },
  { method: "DELETE", path: ["backups", "*"], operation: "DeleteBackup", run: deleteBackup },
  {
    method: "POST",
    path: ["backups", "*", "create-index"],
    operation: "CreateIndexFromBackup",
    run: createIndexFromBackup,
  },
  { method: "GET", path: ["restore-jobs"], operation: "ListRestoreJobs", run: listRestoreJobs },
  {
    method: "GET",
    path: ["restore-jobs", "*"],
    operation: "DescribeRestoreJob",
    run: describeRestoreJob,
  },
  { method: "GET", path: ["indexes", "*"], operation: "DescribeIndex", run: describeIndex },
  { method: "PATCH", path: ["indexes", "*"], operation: "ConfigureIndex", run: configureIndex },
  { method: "DELETE", path: ["indexes", "*"], operation: "DeleteIndex", run: deleteIndex },
  { method: "GET", path: ["collections"], operation: "ListCollections", run: listCollections },
  { method: "POST", path: ["collections"], operation: "CreateCollection", run: createCollection },
  {
    method: "GET",
    path: ["collections", "*"],
    operation: "DescribeCollection",
    run: describeCollection,
  },
  {
    method: "DELETE",
    path: ["collections", "*"],
    operation: "DeleteCollection",
    run: describeCollection,
  },
  { method: "POST", path: ["embed"], operation: "Embed", run: embed },
  { method: "POST", path: ["rerank"], operation: "Rerank", run: rerank },
  { method: "GET", path: ["models"], operation: "ListModels", run: listModels },
  { method: "GET", path: ["models", "*"], operation: "DescribeModel", run: describeModel },
];

/** First segments of what the vendor has and we have not: refused in its own word. */
const UNSUPPORTED: ReadonlySet<string> = new Set(["backups", "backup-schedules", "restore-jobs"]);

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
