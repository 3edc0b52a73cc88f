/** What is known of one piece of work, and its shape in OTLP. */

export type AttributeValue = string | number | boolean;

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  name: string;
  readonly kind: "server" | "internal";
  /** Milliseconds since 1970, with fractions. */
  readonly startMs: number;
  endMs: number;
  readonly attributes: Record<string, AttributeValue>;
  isFailed: boolean;
}

/** Numbers of OTLP's SpanKind and StatusCode. */
const KINDS = { internal: 1, server: 2 };
const STATUS_ERROR = 2;

/** An ExportTraceServiceRequest in OTLP's JSON. */
export function encodeSpans(
  spans: readonly Span[],
  resource: Readonly<Record<string, AttributeValue>>,
  version: string,
): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: encodeAttributes(resource) },
        scopeSpans: [{ scope: { name: "insula", version }, spans: spans.map(encodeSpan) }],
      },
    ],
  });
}

function encodeSpan(span: Span): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentId === undefined ? {} : { parentSpanId: span.parentId }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: toNanoseconds(span.startMs),
    endTimeUnixNano: toNanoseconds(span.endMs),
    attributes: encodeAttributes(span.attributes),
    ...(span.isFailed ? { status: { code: STATUS_ERROR } } : {}),
  };
}

function encodeAttributes(attributes: Readonly<Record<string, AttributeValue>>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: encodeValue(value) }));
}

function encodeValue(value: AttributeValue): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** As text: 64 bits do not fit a number of JSON. */
function toNanoseconds(ms: number): string {
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6)));
}
