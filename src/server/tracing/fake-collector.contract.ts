/** A collector that keeps what it is sent, and can be made to fail. For tests. */
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
  readonly status?: { readonly code: number };
}

interface Collected {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: CollectedSpan["attributes"] };
    readonly scopeSpans: readonly { readonly spans: readonly CollectedSpan[] }[];
  }[];
}

export class FakeCollector {
  readonly spans: CollectedSpan[] = [];
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
  readonly resources: CollectedSpan["attributes"][] = [];
  /** Statuses of the next answers; 0 never answers. Afterwards 200. */
  readonly statuses: number[] = [];
  readonly #server: Server;
  #whenCalled: (() => void)[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const status = this.statuses.shift() ?? 200;
        this.requests.push({ path: request.url ?? "", headers: request.headers });
        const bytes = Buffer.concat(parts);
        const isGzip = request.headers["content-encoding"] === "gzip";
        if (status === 200) this.#keep((isGzip ? gunzipSync(bytes) : bytes).toString());
        if (status > 0) response.writeHead(status).end("{}");
        for (const call of this.#whenCalled.splice(0)) call();
      });
    });
  }

  static async open(): Promise<FakeCollector> {
    const collector = new FakeCollector();
    await new Promise<void>((resolve) => collector.#server.listen(0, "127.0.0.1", resolve));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** Resolves when so many requests have come in all. */
  async called(count: number): Promise<void> {
    while (this.requests.length < count) {
      await new Promise<void>((resolve) => this.#whenCalled.push(resolve));
    }
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #keep(text: string): void {
    const { resourceSpans } = JSON.parse(text) as Collected;
    for (const { resource, scopeSpans } of resourceSpans) {
      this.resources.push(resource.attributes);
      for (const { spans } of scopeSpans) this.spans.push(...spans);
    }
  }
}
