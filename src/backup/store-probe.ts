/** Tries out, once, what is asked of an object store, so that a lack is told and not met. */
import { toHex } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import type { ObjectStore, Random } from "../io/index.ts";

const PROBE_BYTES = 8;

/**
 * Creates, reads, lists and removes one small object.
 *
 * @throws InsulaError `operation_unsupported` that says what the store does not do, and what the
 *   store throws.
 */
export async function probeStore(store: ObjectStore, random: Random): Promise<void> {
  const prefix = `probe/${toHex(random.bytes(PROBE_BYTES))}/`;
  const key = `${prefix}object`;
  const [body, other] = [Buffer.from("0123456789"), Buffer.from("another body")];
  try {
    const tries = [await store.putIfAbsent(key, body), await store.putIfAbsent(key, other)];
    const found = await store.get(key);
    if (tries[0] !== true || tries[1] !== false || found === undefined || !body.equals(found)) {
      throw lacking("it replaces an object that must only be created (If-None-Match: *)");
    }
    const range = await store.get(key, { start: 3, length: 4 });
    if (range === undefined || Buffer.from(range).toString() !== "3456") {
      throw lacking("a range of an object is not what was asked for");
    }
    if ((await store.head(key)) !== body.length) throw lacking("it tells another length");
    const keys = await store.list(prefix, { limit: 2 });
    if (keys.length !== 1 || keys[0] !== key) throw lacking("a new object is not listed");
  } finally {
    await store.delete(key);
  }
  if ((await store.get(key)) !== undefined) throw lacking("a removed object is still there");
}

function lacking(what: string): InsulaError {
  return new InsulaError(
    "operation_unsupported",
    `Cannot offload to this object store: ${what}. No tenant was moved.`,
  );
}
