/** Vectors as both vendors show them, put together as text, without a tree of objects. */
import { DEFAULT_VECTOR } from "../../model/index.ts";
import type { RecordView } from "../../model/index.ts";
import type { AnswerText } from "../answer-text.ts";
import { printFloat32Array, printJson } from "../../wire/index.ts";

/** `{"key":…}`, with `data` and `metadata` where the view has them. */
export function printVector(view: RecordView): string {
  let text = `{"key":${JSON.stringify(view.key)}`;
  const values = view.vectors?.get(DEFAULT_VECTOR);
  if (values !== undefined) text += `,"data":{"float32":${printFloat32Array(values)}}`;
  if (view.metadata !== undefined) text += `,"metadata":${printJson(view.metadata)}`;
  return `${text}}`;
}

export interface PrintedPage {
  readonly lastKey: string | undefined;
  /** True when views were left over. */
  readonly isCut: boolean;
}

/**
 * Adds vectors separated by commas, without brackets. Stops after the one that passes the page's
 * bytes: numbers are longer in JSON than in the store.
 */
export async function printPage(
  text: AnswerText,
  views: readonly RecordView[],
  bytesMax: number,
): Promise<PrintedPage> {
  let count = 0;
  let length = 0;
  const shown = function* (): Iterable<RecordView> {
    for (const view of views) {
      // With the commas between them.
      if (length + count - 1 > bytesMax) return;
      count++;
      yield view;
    }
  };
  await text.list(shown(), (view) => {
    const printed = printVector(view);
    length += printed.length;
    return printed;
  });
  return { lastKey: views[count - 1]?.key, isCut: count < views.length };
}
