/**
 * The neighbour of a run, whose data the run's key may not see, and the key itself: it may do
 * everything with databases called `fuzz…` and nothing else.
 */
import { CREDENTIALS, type ServerCredentials } from "../support/server-child.ts";
import { DIMENSION, drawVector, INDEX } from "./draw.ts";
import type { Chance } from "../support/chance.ts";
import { CANARY, expectStatus, type Exchange } from "./subject.ts";

/** A bucket that exists and is not the run's. */
export const NEIGHBOUR = "neighbour";
/** Of the run's requests, as many try to use it. */
export const NEIGHBOUR_SHARE = 0.03;

/** @returns the credentials of the run. */
export async function prepareNeighbour(
  exchange: Exchange,
  chance: Chance,
): Promise<ServerCredentials> {
  const post = async (path: string, body: object, status = 201): Promise<string> => {
    const headers = { authorization: `Bearer ${CREDENTIALS.secret}` };
    const sent = {
      method: "POST",
      path: `/insula/v1/${path}`,
      headers,
      body: JSON.stringify(body),
    };
    return (await expectStatus(exchange(sent), status)).text;
  };
  await post("databases", { name: `neighbour-${CANARY}` });
  await post("databases", { name: NEIGHBOUR });
  for (const name of [INDEX, CANARY]) {
    const at = `databases/${NEIGHBOUR}/collections`;
    await post(at, { name, dimension: DIMENSION, metric: "cosine" });
    const records = Array.from({ length: 60 }, (_, i) => ({
      key: i % 2 === 0 ? `k${i}` : `${CANARY}${i}`,
      vector: drawVector(chance),
      metadata: { tag: CANARY, n: i },
    }));
    await post(`${at}/${name}/records/upsert`, { records }, 200);
  }
  const grants = [{ actions: ["*"], databases: ["fuzz*"] }];
  const { id, secret } = JSON.parse(await post("keys", { grants })) as Record<string, string>;
  if (id === undefined || secret === undefined) throw new Error("a key with its secret");
  return { accountId: CREDENTIALS.accountId, keyId: id, secret };
}
