/** Who is the parent of a request, and whether its trace is recorded. */
import type { Sampler } from "../trace-settings.ts";

/** Of the header `traceparent` (W3C Trace Context, level 1); identities in lower-case hex. */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}

const TRACE_PARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** Undefined for a header that is absent or not as the standard has it: a new trace begins then. */
export function parseTraceParent(header: string | undefined): TraceParent | undefined {
  const [, version, traceId = "", spanId = "", flags = "", rest] =
    TRACE_PARENT.exec(header?.slice(0, 512) ?? "") ?? [];
  if (version === undefined || version === "ff") return undefined;
  if (version === "00" && rest !== undefined) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Hexadecimal digits of a trace id that decide: 52 bits, exact in a number. */
const RATIO_DIGITS = 13;

/** The same answer on every node for the same trace. */
export function isSampled(
  { ratio, isParentBased }: Sampler,
  parent: TraceParent | undefined,
  traceId: string,
): boolean {
  if (isParentBased && parent !== undefined) return parent.isSampled;
  if (ratio >= 1) return true;
  return Number.parseInt(traceId.slice(-RATIO_DIGITS), 16) >= (1 - ratio) * 16 ** RATIO_DIGITS;
}
