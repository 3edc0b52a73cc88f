/**
 * Which index a call of gRPC is about when its host does not say so.
 *
 * Clients drop the path of an index's host, so that over a plain address little is left: the name
 * that Python's clients before version 9 send along, or that there is only one index to be meant.
 */
import { InsulaError } from "../../../base/errors.ts";
import type { Caller } from "../caller.ts";
import { isVisible } from "../control/call.ts";
import { toIndexView } from "../index-view.ts";
import type { PineconeServer } from "../pinecone-server.ts";

/** Collections looked at to find the only index. */
const COLLECTIONS_LOOKED_AT = 100;

/** @throws InsulaError `argument_invalid`, `collection_not_found` */
export async function indexOfCall(
  server: PineconeServer,
  caller: Caller,
  hint: string | undefined,
): Promise<string> {
  if (hint !== undefined && hint !== "") return hint;
  const { engine } = server.context;
  if ((await engine.getDatabase(caller.project)) === undefined) throw missing();
  const { items, hasMore } = await engine.listCollections(caller.project, {
    limit: COLLECTIONS_LOOKED_AT,
  });
  const visible = items.filter(
    (info) => toIndexView(info) !== undefined && isVisible({ server, caller }, info.name),
  );
  const [only] = visible;
  if (visible.length === 1 && !hasMore && only !== undefined) return only.name;
  if (visible.length === 0 && !hasMore) throw missing();
  throw new InsulaError(
    "argument_invalid",
    "Cannot tell which index is meant: there are several, and the host names none. Use a host of " +
      "the form INDEX-PROJECT.svc.DOMAIN, or a client that sends service-name",
  );
}

function missing(): InsulaError {
  return new InsulaError("collection_not_found", "Cannot find an index: there is none");
}
