/** Recall, measured on request at one place. */
import type { RecallReport } from "../../model/index.ts";
import { RECALL_ANSWER } from "./answers.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { RECALL_BODY, RECALL_NUMBERS, type RecallBody } from "./record-bodies.ts";
import { PLACE_PATTERNS } from "./record-routes.ts";
import { placeOf, withBody, type Call, type Route } from "./route.ts";

function measure(
  call: Call,
  { vectors, sample, topK = NATIVE_LIMITS.topKDefault, field = "", filter }: RecallBody,
): Promise<RecallReport> {
  return call.context.engine.measureRecall(placeOf(call), {
    field,
    topK,
    signal: call.request.signal,
    ...(vectors === undefined ? {} : { vectors }),
    ...(sample === undefined ? {} : { sample }),
    ...(filter === undefined ? {} : { filter }),
  });
}

export const RECALL_ROUTES: readonly Route[] = PLACE_PATTERNS.map((pattern) =>
  withBody({
    method: "POST",
    pattern: `${pattern}/records/recall`,
    operation: "MeasureRecall",
    area: "records",
    status: 200,
    summary: "Searches done twice, as planned and exactly: how much the planned ones found.",
    answers: RECALL_ANSWER,
    takes: {
      schema: RECALL_BODY,
      bytesMax: NATIVE_LIMITS.allBodyBytesMax,
      numbers: RECALL_NUMBERS,
    },
    run: measure,
  }),
);
