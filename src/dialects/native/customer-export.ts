/** All records of one customer as JSON Lines, page by page. */
import type { CustomerPlace } from "../../engine/api.ts";
import type { Place, RecordView } from "../../model/index.ts";
import { answerTextOf } from "../answer-text.ts";
import type { DialectContext } from "../dialect.ts";
import { beginLines, type JsonLines } from "./json-lines.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { RecordPrinter } from "./records-json.ts";

const INCLUDE = { vectors: true, metadata: true };

/**
 * Collection by collection, each in the order of its keys. Each page is of one moment; what is
 * removed meanwhile ends the lines with an error. Holds one page, and nothing between two.
 *
 * @throws InsulaError `tenant_not_found`, `customer_suspended`.
 */
export async function exportCustomer(
  context: DialectContext,
  customer: CustomerPlace,
): Promise<JsonLines> {
  const { tenants } = await context.engine.customers.get(customer);
  const places = tenants.map(({ collection }) => ({ ...customer, collection }));
  return beginLines(printAll(context, places));
}

async function* printAll(
  context: DialectContext,
  places: readonly Place[],
): AsyncGenerator<Uint8Array, void, void> {
  for (const place of places) {
    for (let after: string | undefined; ;) {
      const { items, hasMore } = await context.engine.list(place, {
        limit: NATIVE_LIMITS.exportPageItems,
        include: INCLUDE,
        bytesMax: NATIVE_LIMITS.exportPageBytesMax,
        ...(after === undefined ? {} : { after }),
      });
      yield* await printPage(context, place, items);
      after = items.at(-1)?.key;
      if (!hasMore || after === undefined) break;
    }
  }
}

async function printPage(
  context: DialectContext,
  place: Place,
  items: readonly RecordView[],
): Promise<readonly Uint8Array[]> {
  if (items.length === 0) return [];
  const printer = new RecordPrinter();
  const head = `{"collection":${JSON.stringify(place.collection)},`;
  const text = await answerTextOf(context, place).lines(
    items,
    (record) => `${head}${printer.members(record)}}`,
  );
  const printed = text.finish();
  return typeof printed === "string" ? [Buffer.from(printed)] : printed;
}
