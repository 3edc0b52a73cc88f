/** Update: of one record by its id, or of the metadata of all that pass a filter. */
import { DEFAULT_VECTOR, type RecordPatch } from "../../../model/index.ts";
import { refusal } from "../errors.ts";
import { placeOf } from "../namespace.ts";
import type { Answered, DataCall, Right } from "./call.ts";
import { parseFilter } from "./filter.ts";
import { committedAt } from "./lsn.ts";
import type { UpdateAnswer, UpdateRequest } from "./messages.ts";
import { readMetadata } from "./metadata.ts";
import { checkDense, checkId, readSparse } from "./vectors.ts";

/** Members of metadata that are not named stay. A record that is not there is no error. */
export async function update(
  call: DataCall,
  asked: UpdateRequest,
): Promise<Answered<UpdateAnswer>> {
  if (asked.filter !== undefined) return updateMatches(call, asked);
  const { engine } = call.server.context;
  if (asked.id === undefined) throw refusal("Update must have an id or a filter");
  if (asked.dryRun) throw refusal("dryRun needs a filter");
  const patch = readPatch(call, asked, asked.id);
  const place = placeOf(call, asked.namespace);
  if (place === undefined) return { message: {} };
  await engine.update(place, [patch]);
  return { message: {}, ...(await committedAt(call, place)) };
}

/**
 * One that changes nothing tells how many records pass a filter, as a count does. One that changes
 * them tells how many it has changed, as every write.
 */
export function rightToCount(asked: UpdateRequest): Right | undefined {
  if (asked.filter === undefined) return undefined;
  const changes = Object.keys(asked.setMetadata ?? {}).length > 0 && !asked.dryRun;
  return changes ? undefined : "records:Count";
}

function readPatch({ index }: DataCall, asked: UpdateRequest, id: string): RecordPatch {
  const { values, sparseValues, setMetadata } = asked;
  checkId(id);
  const hasValues = values !== undefined && values.length > 0;
  if (!hasValues && sparseValues === undefined && setMetadata === undefined) {
    throw refusal("Update must have values, sparseValues or setMetadata");
  }
  if (hasValues && index.dimension === undefined) {
    throw refusal("Dense vector values are not supported by an index of sparse vectors");
  }
  if (hasValues) checkDense(index, values);
  const sparse = sparseValues === undefined ? undefined : readSparse(index, sparseValues);
  return {
    key: id,
    ...(hasValues ? { vectors: new Map([[DEFAULT_VECTOR, values]]) } : {}),
    ...(sparse === undefined ? {} : { sparse: new Map([[index.sparseField ?? "", sparse]]) }),
    ...(setMetadata === undefined ? {} : { metadata: readMetadata(setMetadata, id) }),
  };
}

async function updateMatches(
  call: DataCall,
  asked: UpdateRequest,
): Promise<Answered<UpdateAnswer>> {
  const { engine } = call.server.context;
  const { id, values, sparseValues, setMetadata, dryRun } = asked;
  if (id !== undefined) throw refusal("Update must have an id or a filter, received both");
  if ((values !== undefined && values.length > 0) || sparseValues !== undefined) {
    throw refusal("Update by filter takes setMetadata only");
  }
  const filter = parseFilter(asked.filter ?? {});
  if (filter === undefined) throw refusal("Update by filter must have at least one condition");
  if (setMetadata === undefined && !dryRun) {
    throw refusal("Update by filter must have setMetadata");
  }
  const metadata = setMetadata === undefined ? {} : readMetadata(setMetadata);
  const place = placeOf(call, asked.namespace);
  if (place === undefined) return { message: { matchedRecords: 0 } };
  if (dryRun) return { message: { matchedRecords: await engine.count(place, filter) } };
  const { rowsReplaced } = await engine.updateWhere(place, filter, metadata);
  return { message: { matchedRecords: rowsReplaced }, ...(await committedAt(call, place)) };
}
