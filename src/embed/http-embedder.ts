/** An embedder behind HTTP: texts cut into calls, calls in a few lanes, vectors checked. */
import { checkTexts, toUnitVector, unusable, type Embedder } from "./embedder.ts";
import { JsonCaller, type CallDoors, type CallLimits } from "./json-caller.ts";
import { CALL_TEXT_BYTES_MAX } from "./limits.ts";
import { DASHSCOPE_SHAPE, OPENAI_SHAPE, type ServiceShape } from "./service-shape.ts";

export interface HttpEmbedderSettings {
  /** `openai`: any service with that interface. */
  readonly kind: "dashscope" | "openai";
  /** Base address, for example `http://127.0.0.1:11434/v1`; http or https, without credentials. */
  readonly url: string;
  readonly model: string;
  /** Asked of the service; undefined: what the model has, learnt from one call. */
  readonly dimension?: number | undefined;
  /** Visible ASCII. */
  readonly apiKey?: string | undefined;
}

const SHAPES: Readonly<Record<HttpEmbedderSettings["kind"], ServiceShape>> = {
  dashscope: DASHSCOPE_SHAPE,
  openai: OPENAI_SHAPE,
};

/** Embedded once to learn the dimension when nobody named it. */
const PROBE = "insula";

/**
 * @throws InsulaError `embedder_unavailable`, `embedder_unusable` when the dimension had to be
 *         asked for; with a given dimension nothing is sent before the first text.
 */
export async function openHttpEmbedder(
  settings: HttpEmbedderSettings,
  doors: CallDoors,
  options: { readonly limits?: Partial<CallLimits>; readonly signal?: AbortSignal } = {},
): Promise<Embedder> {
  const shape = SHAPES[settings.kind];
  const endpoint = new URL(`${settings.url.replace(/\/+$/, "")}${shape.path}`);
  const { apiKey, model } = settings;
  const caller = new JsonCaller({ endpoint, apiKey, doors, limits: options.limits });
  const call = async (texts: readonly string[], signal?: AbortSignal) =>
    shape.decode(
      await caller.post(shape.request(model, texts, settings.dimension), signal),
      texts.length,
    );
  const dimension =
    settings.dimension ?? lengthOf((await call([PROBE], options.signal))[0], settings.model);
  return {
    model,
    dimension,
    embed: async (texts, signal) => {
      checkTexts(texts);
      const batches = cutBatches(texts, shape.textsMax);
      const found = await inLanes(batches, caller.atOnceMax, {
        signal,
        run: async (batch, own) =>
          (await call(batch, own)).map((values) => toUnitVector(values, dimension, model)),
      });
      return found.flat();
    },
  };
}

function lengthOf(values: unknown, model: string): number {
  if (Array.isArray(values) && values.length > 0) return values.length;
  throw unusable(model, "it answered with something that is no list of numbers");
}

/** In order; each within both bounds, unless a single text is longer. */
export function cutBatches(texts: readonly string[], textsMax: number): string[][] {
  const batches: string[][] = [];
  let batch: string[] = [];
  let byteCount = 0;
  for (const text of texts) {
    const bytes = Buffer.byteLength(text);
    const isFull = batch.length >= textsMax || byteCount + bytes > CALL_TEXT_BYTES_MAX;
    if (isFull && batch.length > 0) {
      batches.push(batch);
      batch = [];
      byteCount = 0;
    }
    batch.push(text);
    byteCount += bytes;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/**
 * Runs the batches with a bounded number at once; results in order. The first failure stops the
 * others: what they would bring is not returned anyway.
 */
async function inLanes<Batch, Result>(
  batches: readonly Batch[],
  laneCount: number,
  work: {
    readonly signal: AbortSignal | undefined;
    run(batch: Batch, signal: AbortSignal): Promise<Result>;
  },
): Promise<Result[]> {
  const stop = new AbortController();
  const signal =
    work.signal === undefined ? stop.signal : AbortSignal.any([work.signal, stop.signal]);
  const results: Result[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < batches.length; i = next++) {
      results[i] = await work.run(batches[i] as Batch, signal);
    }
  };
  const lanes = Array.from({ length: Math.min(laneCount, batches.length) }, lane);
  try {
    await Promise.all(lanes);
  } catch (error) {
    stop.abort(error);
    // The others end with the abort; their errors are the same one.
    await Promise.allSettled(lanes);
    throw error;
  }
  return results;
}
