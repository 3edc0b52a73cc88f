/** How far the writes of a namespace have come: what the vendor calls a log sequence number. */
import type { Place } from "../../../model/index.ts";
import type { Answered, DataCall } from "./call.ts";

type Lsn = Pick<Answered<unknown>, "lsn">;

/** After a write, which is at or below the number. Nothing of a namespace that is gone. */
export async function committedAt(call: DataCall, place: Place): Promise<Lsn> {
  const figures = await call.server.context.engine.measure(place);
  return figures === undefined ? {} : { lsn: { kind: "committed", value: figures.sequence } };
}

/** Before a read, which sees all writes up to the number; and the bytes of the namespace. */
export async function reconciledAt(
  call: DataCall,
  place: Place | undefined,
): Promise<Lsn & { readonly namespaceBytes: number }> {
  if (place === undefined) return { namespaceBytes: 0 };
  const figures = await call.server.context.engine.measure(place);
  if (figures === undefined) return { namespaceBytes: 0 };
  const { sequence, byteCount } = figures;
  return { lsn: { kind: "reconciled", value: sequence }, namespaceBytes: byteCount };
}
