/** Takes every request of the HTTP port to whoever answers it. */
import type { Dialect } from "../dialects/index.ts";
import type { HttpAnswer, HttpRequest } from "../wire/index.ts";
import type { Log } from "./log.ts";
import type { ServerMetrics } from "./metrics.ts";
import type { RouteName, RouteTable } from "./route-table.ts";
import type { Tracer } from "./tracing/index.ts";

/** Routes that a dialect answers; the others are answered here. */
export type DialectRoute = Extract<RouteName, "native" | "oss" | "s3" | "pinecone" | "embedding">;

export interface FrontOptions {
  readonly table: RouteTable;
  /** Builds a dialect; called once, when its first request arrives. */
  readonly load: Readonly<Record<DialectRoute, () => Promise<Dialect>>>;
  readonly metrics: ServerMetrics;
  readonly log: Log;
  /** Absent: requests are not traced. */
  readonly tracer?: Pick<Tracer, "request">;
  readonly clock: { monotonicMs(): number };
  /** False while the server stops. */
  isReady(): boolean;
  page(): HttpAnswer;
}

export class HttpFront {
  readonly #options: FrontOptions;
  readonly #dialects = new Map<DialectRoute, Dialect>();
  readonly #loading = new Map<DialectRoute, Promise<Dialect>>();

  constructor(options: FrontOptions) {
    this.#options = options;
  }

  /** The `handle` of a listener. */
  readonly handle = (request: HttpRequest): Promise<HttpAnswer> => {
    const route = this.#options.table.route(request);
    // Asked anew each time: the level may change while the server runs.
    const isLogged = this.#options.log.isLevelEnabled("debug");
    const startedAtMs = isLogged ? this.#options.clock.monotonicMs() : 0;
    return this.#trace(route, request).then(
      (answer) => {
        this.#options.metrics.countAnswer(route, answer.status);
        if (isLogged) this.#logAnswer({ route, request, answer, startedAtMs });
        return answer;
      },
      (error: unknown) => {
        // The listener answers and reports it.
        this.#options.metrics.countAnswer(route, 500);
        throw error;
      },
    );
  };

  /** What probes, scrapers and browsers ask is not worth a trace. */
  #trace(route: RouteName, request: HttpRequest): Promise<HttpAnswer> {
    const { tracer } = this.#options;
    if (tracer === undefined || !(route in this.#options.load)) return this.#answer(route, request);
    return tracer.request(route, request, () => this.#answer(route, request));
  }

  #answer(route: RouteName, request: HttpRequest): Promise<HttpAnswer> {
    switch (route) {
      case "native":
      case "oss":
      case "s3":
      case "pinecone":
      case "embedding": {
        const dialect = this.#dialects.get(route);
        if (dialect !== undefined) return dialect.handle(request);
        return this.#load(route).then((loaded) => loaded.handle(request));
      }
      case "health":
        return Promise.resolve(this.#health(request));
      case "metrics":
        return this.#metrics();
      case "page":
        return Promise.resolve(this.#options.page());
      case "nothing":
        return Promise.resolve(notFound(request));
    }
  }

  /** A failed load is forgotten, so that the next request tries again. */
  #load(route: DialectRoute): Promise<Dialect> {
    const running = this.#loading.get(route);
    if (running !== undefined) return running;
    const loading = this.#options.load[route]().then(
      (dialect) => {
        this.#dialects.set(route, dialect);
        return dialect;
      },
      (error: unknown) => {
        this.#loading.delete(route);
        throw error;
      },
    );
    this.#loading.set(route, loading);
    return loading;
  }

  #health(request: HttpRequest): HttpAnswer {
    const isUp = request.path === "/healthz" || this.#options.isReady();
    return {
      status: isUp ? 200 : 503,
      headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" },
      body: isUp ? "ok\n" : "stopping\n",
    };
  }

  async #metrics(): Promise<HttpAnswer> {
    const { contentType, text } = await this.#options.metrics.print();
    return { status: 200, headers: { "Content-Type": contentType }, body: text };
  }

  /** Without the query, which can hold a signature, and without headers. */
  #logAnswer(exchange: {
    readonly route: RouteName;
    readonly request: HttpRequest;
    readonly answer: HttpAnswer;
    readonly startedAtMs: number;
  }): void {
    const { route, request, answer, startedAtMs } = exchange;
    this.#options.log.debug(
      {
        requestId: request.id,
        method: request.method,
        host: request.host,
        path: request.path,
        route,
        status: answer.status,
        durationMs: this.#options.clock.monotonicMs() - startedAtMs,
      },
      "answered",
    );
  }
}

function notFound(request: HttpRequest): HttpAnswer {
  const problem = {
    type: "about:blank",
    title: "Not Found",
    status: 404,
    code: "route_not_found",
    detail: "Cannot answer here: no protocol of this server has this method, path and signature.",
    requestId: request.id,
  };
  return {
    status: 404,
    headers: { "Content-Type": "application/problem+json", "X-Request-Id": request.id },
    body: JSON.stringify(problem),
  };
}
