/**
 * Where an index is said to run. Kept and shown as it came; it all runs here, and pods are no pods.
 */
import type { JsonObject, JsonValue } from "../../../wire/index.ts";
import { refusal } from "../errors.ts";
import { readInteger, readObject, readText, requireText } from "../rest/members.ts";

/** The specification in the shape before 2026-07: one of `serverless`, `pod` and `byoc`. */
export type IndexSpec = Readonly<Record<string, JsonObject>>;

const POD_TYPE = /^(?:s1|p1|p2|nano|starter)(?:\.x[1248])?$/;
const TEXT_CHARACTERS_MAX = 128;

/** Of an index that another protocol has made: the clients know no other word. */
export const SPEC_DEFAULT: IndexSpec = { serverless: { cloud: "aws", region: "us-east-1" } };

/** @throws InsulaError `argument_invalid` */
export function readSpec(body: JsonObject): IndexSpec {
  const spec = readObject(body, "spec");
  if (spec === undefined) throw refusal("spec is required");
  const serverless = readObject(spec, "serverless");
  const pod = readObject(spec, "pod");
  const byoc = readObject(spec, "byoc");
  if ([serverless, pod, byoc].filter((one) => one !== undefined).length !== 1) {
    throw refusal("spec must have one of serverless, pod and byoc");
  }
  if (serverless !== undefined) return readServerless(serverless);
  if (pod !== undefined) return { pod: readPod(pod) };
  return { byoc: { environment: short(requireText(byoc ?? {}, "environment"), "environment") } };
}

/** The same in the shape of 2026-07. @throws InsulaError `argument_invalid` */
export function readDeployment(deployment: JsonObject): IndexSpec {
  const kind = readText(deployment, "deployment_type") ?? "managed";
  switch (kind) {
    case "managed":
      return readServerless({ ...SPEC_DEFAULT["serverless"], ...deployment });
    case "byoc":
      return {
        byoc: { environment: short(requireText(deployment, "environment"), "environment") },
      };
    case "pod":
      return { pod: readPod(deployment) };
    default:
      throw refusal("deployment.deployment_type must be managed, byoc or pod");
  }
}

function readServerless(serverless: JsonObject): IndexSpec {
  if (readText(serverless, "source_collection") !== undefined) {
    throw refusal("source_collection is not supported: there are no collections");
  }
  const cloud = requireText(serverless, "cloud");
  if (!["aws", "gcp", "azure"].includes(cloud)) throw refusal("cloud must be aws, gcp or azure");
  return { serverless: { cloud, region: short(requireText(serverless, "region"), "region") } };
}

function readPod(pod: JsonObject): JsonObject {
  const podType = readText(pod, "pod_type") ?? "p1.x1";
  if (!POD_TYPE.test(podType)) throw refusal("pod_type must be one such as p1.x1");
  const replicas = readCount(pod, "replicas");
  const shards = readCount(pod, "shards");
  const metadata = readObject(pod, "metadata_config");
  return {
    environment: short(requireText(pod, "environment"), "environment"),
    pod_type: podType,
    ...{ replicas, shards, pods: replicas * shards },
    ...(metadata === undefined ? {} : { metadata_config: metadata }),
  };
}

function readCount(pod: JsonObject, name: string): number {
  const count = readInteger(pod, name) ?? 1;
  if (count >= 1 && count <= 1_000) return count;
  throw refusal(`${name} must be a whole number from 1 to 1000`);
}

/** Pods of another size or number, as a configuration asks. @throws InsulaError */
export function patchSpec(spec: IndexSpec, patch: JsonObject): IndexSpec {
  const { pod } = spec;
  if (pod === undefined) throw refusal("The index has no pods");
  const { pods: _, ...rest } = pod;
  return { pod: readPod({ ...rest, ...patch }) };
}

/** `deployment` of 2026-07 from the specification of before. */
export function toDeployment(spec: IndexSpec): Record<string, JsonValue> {
  const { serverless, pod, byoc } = spec;
  if (serverless !== undefined) return { deployment_type: "managed", ...serverless };
  if (pod !== undefined) return { deployment_type: "pod", ...pod };
  return { deployment_type: "byoc", ...byoc };
}

function short(text: string, name: string): string {
  if (text !== "" && text.length <= TEXT_CHARACTERS_MAX) return text;
  throw refusal(`${name} must have 1 to ${String(TEXT_CHARACTERS_MAX)} characters`);
}
