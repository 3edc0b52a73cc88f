/**
 * The standard variables of OpenTelemetry. They belong to everything that runs in an environment,
 * so what is unknown or wrong in them is warned about and ignored, as the specification asks.
 */

export interface TraceSettings {
  /** Where spans are sent: a whole address, with its path. */
  readonly url: string;
  /** Sent with every batch; may be secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly isGzip: boolean;
  /** Of the resource, `service.name` among them. */
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: Sampler;
  readonly queueSpansMax: number;
  readonly batchSpansMax: number;
  readonly delayMs: number;
}

export interface Sampler {
  /** Share of traces begun here that are recorded, 0 to 1. */
  readonly ratio: number;
  /** True when a caller's decision holds. */
  readonly isParentBased: boolean;
}

export interface ReadTraceSettings {
  /** Undefined when traces are off, which they are without an endpoint. */
  readonly settings: TraceSettings | undefined;
  /** Sentences about what was ignored; without values, which may be secrets. */
  readonly warnings: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Spans waiting, and spans of one batch, at most; larger values are cut. */
export const TRACE_QUEUE_SPANS_MAX = 65_536;

export function readTraceSettings(environment: Environment): ReadTraceSettings {
  const warnings: string[] = [];
  const read = (name: string): string | undefined => {
    const value = environment[name]?.trim();
    return value === "" ? undefined : value;
  };
  const off = { settings: undefined, warnings };
  if (read("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return off;
  const url = readUrl(read, warnings);
  if (url === undefined || !isOtlp(read, warnings)) return off;
  const integer = (name: string, fallback: number, min: number, max: number): number => {
    const text = read(name);
    if (text === undefined) return Math.min(fallback, max);
    const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
    if (value >= min) return Math.min(value, max);
    warnings.push(`${name} is ignored: expected a whole number from ${String(min)} on.`);
    return fallback;
  };
  const queueSpansMax = integer("OTEL_BSP_MAX_QUEUE_SIZE", 2_048, 1, TRACE_QUEUE_SPANS_MAX);
  const traces = integer("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", 0, 1, 600_000);
  const settings = {
    url,
    headers: readHeaders(read, warnings),
    timeoutMs: traces || integer("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000, 1, 600_000),
    isGzip: ofTraces(read, "COMPRESSION") === "gzip",
    resource: readResource(read, warnings),
    sampler: readSampler(read, warnings),
    queueSpansMax,
    batchSpansMax: integer("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 1, queueSpansMax),
    delayMs: integer("OTEL_BSP_SCHEDULE_DELAY", 5_000, 0, 600_000),
  };
  return { settings, warnings };
}

type Read = (name: string) => string | undefined;

/** The variable for traces, or else the one for everything. */
function ofTraces(read: Read, name: string): string | undefined {
  return read(`OTEL_EXPORTER_OTLP_TRACES_${name}`) ?? read(`OTEL_EXPORTER_OTLP_${name}`);
}

function readUrl(read: Read, warnings: string[]): string | undefined {
  const own = read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  const base = read("OTEL_EXPORTER_OTLP_ENDPOINT");
  const text = own ?? base?.replace(/\/*$/, "/v1/traces");
  if (text === undefined) return undefined;
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) {
    const { username, password } = new URL(text);
    if (username === "" && password === "") return text;
  }
  warnings.push(
    "Traces are off: expected an http or https address without credentials as OTLP endpoint.",
  );
  return undefined;
}

function isOtlp(read: Read, warnings: string[]): boolean {
  const exporter = read("OTEL_TRACES_EXPORTER") ?? "otlp";
  const protocol = ofTraces(read, "PROTOCOL") ?? "http/json";
  if (exporter === "none") return false;
  if (exporter !== "otlp") {
    warnings.push("Traces are off: of OTEL_TRACES_EXPORTER only otlp and none are known.");
    return false;
  }
  if (protocol === "grpc") {
    warnings.push("Traces are off: OTLP is spoken over HTTP as JSON, not over gRPC.");
    return false;
  }
  if (protocol !== "http/json") {
    warnings.push("OTLP is sent as JSON, whatever OTEL_EXPORTER_OTLP_PROTOCOL says.");
  }
  return true;
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

function readHeaders(read: Read, warnings: string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of readPairs(ofTraces(read, "HEADERS"))) {
    if (HEADER_NAME.test(name) && /^[\t\x20-\x7e]*$/.test(value))
      headers[name.toLowerCase()] = value;
    else warnings.push("A header of OTEL_EXPORTER_OTLP_HEADERS is ignored: expected name=value.");
  }
  return headers;
}

function readResource(read: Read, warnings: string[]): Record<string, string> {
  const resource: Record<string, string> = { "service.name": "insula" };
  for (const [name, value] of readPairs(read("OTEL_RESOURCE_ATTRIBUTES"))) {
    if (name === "") warnings.push("A part of OTEL_RESOURCE_ATTRIBUTES is ignored.");
    else resource[name] = value;
  }
  const service = read("OTEL_SERVICE_NAME");
  if (service !== undefined) resource["service.name"] = service;
  return resource;
}

/** `name=value,name=value`, percent-encoded as W3C Baggage is. */
function readPairs(text: string | undefined): readonly (readonly [string, string])[] {
  const parts = (text ?? "").split(",").filter((part) => part.trim() !== "");
  return parts.map((part) => {
    const equals = part.indexOf("=");
    if (equals < 0) return ["", ""];
    return [decode(part.slice(0, equals)), decode(part.slice(equals + 1))];
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return text.trim(); // A lone percent sign stands for itself.
  }
}

function readSampler(read: Read, warnings: string[]): Sampler {
  const name = read("OTEL_TRACES_SAMPLER") ?? "parentbased_always_on";
  const isParentBased = name.startsWith("parentbased_");
  switch (isParentBased ? name.slice("parentbased_".length) : name) {
    case "always_on":
      return { ratio: 1, isParentBased };
    case "always_off":
      return { ratio: 0, isParentBased };
    case "traceidratio":
      return { ratio: readRatio(read("OTEL_TRACES_SAMPLER_ARG"), warnings), isParentBased };
    default:
      warnings.push("OTEL_TRACES_SAMPLER is ignored: it names no sampler known here.");
      return { ratio: 1, isParentBased: true };
  }
}

function readRatio(text: string | undefined, warnings: string[]): number {
  if (text === undefined) return 1;
  const ratio = /^\d*\.?\d+(e-?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (ratio >= 0 && ratio <= 1) return ratio;
  warnings.push("OTEL_TRACES_SAMPLER_ARG is ignored: expected a number from 0 to 1.");
  return 1;
}
