/**
 * What the tests with ledgers ask of a server: indexes made, operations sent, everything listed.
 */
import type { OssCaller } from "../support/oss-caller.ts";
import type { Ledger, StoredRecord } from "./ledger.ts";

export const BUCKET = "kills";

/** One bucket with an index for each ledger. @throws for any answer but success */
export async function makeIndexes(caller: OssCaller, ledgers: readonly Ledger[]): Promise<void> {
  await expectStatus(caller.send({ method: "PUT", bucket: BUCKET }), 200);
  for (const { index, dimension } of ledgers) {
    const body = {
      indexName: index,
      dataType: "float32",
      dimension,
      distanceMetric: "euclidean",
      metadata: { nonFilterableMetadataKeys: ["hash"] },
    };
    const call = { method: "POST", bucket: BUCKET, verb: "putVectorIndex", body };
    await expectStatus(caller.send(call), 200);
  }
}

/**
 * Sends the ledger's next operation and notes that it was acknowledged.
 *
 * @returns false when the server refused it because it stops
 * @throws ConnectionLost when the outcome is unknown
 */
export async function writeNext(caller: OssCaller, ledger: Ledger): Promise<boolean> {
  const { kind, batch, states } = ledger.next();
  const keys = [...states.keys()];
  const { index: indexName } = ledger;
  const vectors = keys.map((key) => ledger.record(key, states.get(key) ?? 0, batch));
  const body = kind === "delete" ? { indexName, keys } : { indexName, vectors };
  const verb = kind === "delete" ? "deleteVectors" : "putVectors";
  const reply = await caller.send({ method: "POST", bucket: BUCKET, verb, body });
  if (reply.status === 503) return false;
  if (reply.status !== 200 && reply.status !== 204) {
    throw new Error(`${verb}: ${reply.status} ${reply.text}`);
  }
  ledger.acknowledge();
  return true;
}

export async function listAll(caller: OssCaller, ledger: Ledger): Promise<readonly StoredRecord[]> {
  const records: StoredRecord[] = [];
  let nextToken: string | undefined;
  do {
    const body = {
      indexName: ledger.index,
      returnMetadata: true,
      // The widest vectors are compared by the probes; their hashes stand in the metadata.
      returnData: ledger.dimension <= 32,
      ...(nextToken === undefined ? {} : { nextToken }),
    };
    const page = await ask<{ vectors: StoredRecord[]; nextToken?: string }>(
      caller,
      "listVectors",
      body,
    );
    records.push(...page.vectors);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return records;
}

export async function ask<Answer>(caller: OssCaller, verb: string, body: unknown): Promise<Answer> {
  const reply = await caller.send({ method: "POST", bucket: BUCKET, verb, body });
  if (reply.status !== 200) throw new Error(`${verb}: ${reply.status} ${reply.text}`);
  return JSON.parse(reply.text) as Answer;
}

async function expectStatus(
  reply: Promise<{ status: number; text: string }>,
  status: number,
): Promise<void> {
  const { status: received, text } = await reply;
  if (received !== status) throw new Error(`expected ${status}, received ${received}: ${text}`);
}
