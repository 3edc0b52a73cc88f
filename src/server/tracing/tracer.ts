/** Spans of requests, and of the work done in their asynchronous context. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { ErrorKind } from "../../base/errors.ts";
import type { Clock, Random } from "../../io/index.ts";
import type { HttpAnswer, HttpRequest } from "../../wire/index.ts";
import type { TraceSettings } from "../trace-settings.ts";
import type { AttributeValue, Span } from "./span.ts";
import { SpanExporter, type ExporterOptions } from "./span-exporter.ts";
import { isSampled, parseTraceParent } from "./trace-parent.ts";

/** Spans of one request; a search over many places has more steps than anybody looks at. */
export const TRACE_SPANS_MAX = 128;

/** One request that is recorded. */
interface Trace {
  readonly traceId: string;
  readonly root: Span;
  readonly spans: Span[];
  /** Wall time minus monotonic time when the request began: one offset for all of its spans. */
  readonly offsetMs: number;
  droppedCount: number;
  /** Work that outlives its request is not part of it. */
  isOver: boolean;
}

interface Place {
  readonly trace: Trace;
  readonly parentId: string;
}

export interface TracerOptions extends Omit<ExporterOptions, "clock"> {
  readonly settings: TraceSettings;
  readonly clock: Pick<Clock, "after" | "monotonicMs" | "wallMs">;
  readonly random: Random;
}

export function openTracer(options: TracerOptions): Tracer {
  return new Tracer(options);
}

export class Tracer {
  readonly #options: TracerOptions;
  readonly #exporter: SpanExporter;
  readonly #places = new AsyncLocalStorage<Place>();

  constructor(options: TracerOptions) {
    this.#options = options;
    this.#exporter = new SpanExporter(options);
  }

  /** Runs a request; unless the sampler takes it, nothing is added to it. */
  async request(
    route: string,
    request: HttpRequest,
    work: () => Promise<HttpAnswer>,
  ): Promise<HttpAnswer> {
    const { settings, clock } = this.#options;
    const parent = parseTraceParent(request.headers["traceparent"]);
    const traceId = parent?.traceId ?? this.#freshId(16);
    if (!isSampled(settings.sampler, parent, traceId)) return work();
    const offsetMs = clock.wallMs() - clock.monotonicMs();
    const root: Span = {
      traceId,
      spanId: this.#freshId(8),
      parentId: parent?.spanId,
      name: `${toMethod(request.method)} ${route}`,
      kind: "server",
      startMs: offsetMs + clock.monotonicMs(),
      endMs: 0,
      attributes: {
        "http.request.method": toMethod(request.method),
        "url.scheme": request.scheme,
        "insula.dialect": route,
        "insula.request_id": request.id,
      },
      isFailed: false,
    };
    const trace = { traceId, root, spans: [root], offsetMs, droppedCount: 0, isOver: false };
    try {
      const answer = await this.#places.run({ trace, parentId: root.spanId }, work);
      root.attributes["http.response.status_code"] = answer.status;
      root.isFailed = answer.status >= 500;
      return answer;
    } catch (error) {
      root.attributes["http.response.status_code"] = 500;
      root.isFailed = true;
      throw error;
    } finally {
      this.#end(trace);
    }
  }

  /** The dialect knows now what the request was. */
  nameOperation(dialect: string, operation: string, outcome: "ok" | ErrorKind): void {
    const place = this.#places.getStore();
    if (place === undefined) return;
    const { root } = place.trace;
    root.name = `${dialect} ${operation}`;
    root.attributes["insula.operation"] = operation;
    if (outcome !== "ok") root.attributes["error.type"] = outcome;
  }

  /** Work that has ended, as a child of whatever it was done for. Times are monotonic. */
  step(name: string, startMs: number, endMs: number): void {
    const place = this.#places.getStore();
    if (place === undefined) return;
    const span = this.#child(place, name, {});
    if (span === undefined) return;
    const { offsetMs } = place.trace;
    place.trace.spans.push({ ...span, startMs: offsetMs + startMs, endMs: offsetMs + endMs });
  }

  /** Runs work as a span of its own; without a trace, as it is. */
  async span<Value>(
    name: string,
    attributes: Record<string, AttributeValue>,
    work: () => Promise<Value>,
  ): Promise<Value> {
    const place = this.#places.getStore();
    const span = place === undefined ? undefined : this.#child(place, name, attributes);
    if (place === undefined || span === undefined) return work();
    const { trace } = place;
    trace.spans.push(span);
    try {
      return await this.#places.run({ trace, parentId: span.spanId }, work);
    } catch (error) {
      span.isFailed = true;
      throw error;
    } finally {
      span.endMs = trace.offsetMs + this.#options.clock.monotonicMs();
    }
  }

  close(): Promise<void> {
    return this.#exporter.close();
  }

  #child(
    { trace, parentId }: Place,
    name: string,
    attributes: Record<string, AttributeValue>,
  ): Span | undefined {
    if (trace.isOver) return undefined;
    if (trace.spans.length >= TRACE_SPANS_MAX) {
      trace.droppedCount++;
      return undefined;
    }
    const startMs = trace.offsetMs + this.#options.clock.monotonicMs();
    return {
      traceId: trace.traceId,
      spanId: this.#freshId(8),
      parentId,
      name,
      kind: "internal",
      startMs,
      endMs: startMs,
      attributes,
      isFailed: false,
    };
  }

  #end(trace: Trace): void {
    trace.isOver = true;
    const endMs = trace.offsetMs + this.#options.clock.monotonicMs();
    trace.root.endMs = endMs;
    if (trace.droppedCount > 0) {
      trace.root.attributes["insula.spans_left_out"] = trace.droppedCount;
    }
    this.#exporter.add(trace.spans);
  }

  #freshId(bytes: number): string {
    return Buffer.from(this.#options.random.bytes(bytes)).toString("hex");
  }
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** What a client makes up is not repeated. Source: semantic conventions of HTTP spans. */
function toMethod(method: string): string {
  return METHODS.has(method) ? method : "_OTHER";
}
