/**
 * From what a person writes to a store: `s3://bucket/prefix` with the usual variables, or a folder.
 */
import { InsulaError } from "../base/errors.ts";
import { FolderObjectStore, type FileSystem, type ObjectStore } from "../io/index.ts";
import type { S3Doors, S3Settings } from "./s3-request.ts";
import { S3ObjectStore } from "./s3-store.ts";

const S3_SCHEME = "s3://";
/** Of a folder store inside the folder that is named. */
const OBJECTS = "objects";

export interface TargetDoors extends S3Doors {
  /** AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The files below a folder of this machine. */
  readonly openFolder: (path: string) => FileSystem;
}

/**
 * @param isCreating makes a folder that is missing.
 * @throws InsulaError `setting_invalid` for a target that cannot be understood, `backup_not_found`
 *   for a folder that is not there.
 */
export async function openStore(
  target: string,
  doors: TargetDoors,
  isCreating: boolean,
): Promise<ObjectStore> {
  if (target.startsWith(S3_SCHEME)) {
    const [bucket = "", ...rest] = target.slice(S3_SCHEME.length).split("/");
    const prefix = rest.filter((part) => part !== "").join("/");
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
      throw invalid(target, "expected s3://BUCKET or s3://BUCKET/PREFIX");
    }
    const settings = readSettings(target, bucket, doors.environment);
    return new S3ObjectStore(settings, prefix === "" ? "" : `${prefix}/`, doors);
  }
  if (target === "" || /^[a-z][a-z0-9+.-]*:\/\//i.test(target)) {
    throw invalid(target, "expected a folder or s3://BUCKET/PREFIX");
  }
  const files = doors.openFolder(target);
  if (isCreating) {
    await files.makeFolder("");
    await files.makeFolder(OBJECTS);
  } else if (!(await files.exists(OBJECTS))) {
    throw new InsulaError("backup_not_found", `Cannot find a copy in ${target}: it holds none.`);
  }
  return new FolderObjectStore(files, OBJECTS);
}

function readSettings(
  target: string,
  bucket: string,
  environment: TargetDoors["environment"],
): S3Settings {
  const keyId = environment["AWS_ACCESS_KEY_ID"] ?? "";
  const secret = environment["AWS_SECRET_ACCESS_KEY"] ?? "";
  if (keyId === "" || secret === "") {
    throw invalid(target, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set");
  }
  const region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1";
  const given = environment["AWS_ENDPOINT_URL_S3"] ?? environment["AWS_ENDPOINT_URL"];
  const endpoint = given ?? `https://s3.${region}.amazonaws.com`;
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    throw invalid(target, "AWS_ENDPOINT_URL must be an http or https address");
  }
  const securityToken = environment["AWS_SESSION_TOKEN"];
  return {
    endpoint: new URL(endpoint).origin,
    region,
    bucket,
    credentials: { keyId, secret, ...(securityToken !== undefined && { securityToken }) },
  };
}

function invalid(target: string, reason: string): InsulaError {
  return new InsulaError("setting_invalid", `Cannot use the object store "${target}": ${reason}.`);
}
