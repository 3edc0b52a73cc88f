/** A bucket of its own for each test, in the store that runs. */
import { sendToS3, type S3Settings } from "../../src/backup/s3-request.ts";
import { S3ObjectStore } from "../../src/backup/s3-store.ts";
import { openStore } from "../../src/backup/index.ts";
import { NodeClock, NodeFileSystem, NodeRandom, type ObjectStore } from "../../src/io/index.ts";
import { REAL_STORE_REGION, readRealStore } from "./real-store.ts";

const DOORS = { clock: new NodeClock(), random: new NodeRandom() };
let count = 0;

/** Makes one that is empty. */
export async function makeBucket(): Promise<S3Settings> {
  const { endpoint, keyId, secret } = readRealStore();
  const settings: S3Settings = {
    endpoint,
    region: REAL_STORE_REGION,
    bucket: `insula-${String(process.pid)}-${String(++count)}`,
    credentials: { keyId, secret },
  };
  await sendToS3(settings, DOORS, { method: "PUT", key: "", accepts: [200], bytesMax: 65_536 });
  return settings;
}

export function openBucket(settings: S3Settings, prefix = ""): S3ObjectStore {
  return new S3ObjectStore(settings, prefix, DOORS);
}

/** As a person names it, with the usual variables. */
export function openNamed(settings: S3Settings, prefix: string): Promise<ObjectStore> {
  const { endpoint, region, bucket, credentials } = settings;
  const environment = {
    AWS_ACCESS_KEY_ID: credentials.keyId,
    AWS_SECRET_ACCESS_KEY: credentials.secret,
    AWS_REGION: region,
    AWS_ENDPOINT_URL: endpoint,
  };
  const openFolder = (folder: string): NodeFileSystem => new NodeFileSystem(folder);
  return openStore(`s3://${bucket}/${prefix}`, { ...DOORS, environment, openFolder }, true);
}
