/** Vectors as both vendors show them, put together as text, without a tree of objects. */
import { DEFAULT_VECTOR } from "../../model/index.ts";
import type { RecordView } from "../../model/index.ts";
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
  /** Separated by commas, without brackets. */
  readonly text: string;
  readonly lastKey: string | undefined;
  /** True when views were left over. */
  readonly isCut: boolean;
}

/**
 * Stops after the vector that passes the page's bytes: numbers are longer in JSON than in the
 * store.
 */
export function printPage(views: readonly RecordView[], bytesMax: number): PrintedPage {
  let text = "";
  let lastKey: string | undefined;
  for (const [i, view] of views.entries()) {
    text += `${i === 0 ? "" : ","}${printVector(view)}`;
    lastKey = view.key;
    if (text.length > bytesMax) return { text, lastKey, isCut: i < views.length - 1 };
  }
  return { text, lastKey, isCut: false };
}
