/** Stands between the command line and a server and counts which records pass. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export class CountingProxy {
  /** How often each key was sent to be written. */
  readonly sent: Map<string, number> = new Map<string, number>();
  /** Called with the number of a write before it is passed on, from 1. */
  onWrite: (count: number) => void = () => undefined;
  #writes = 0;
  readonly #server: Server;
  readonly #target: URL;

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer((request, response) => {
      this.#pass(request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  static async open(target: URL): Promise<CountingProxy> {
    const proxy = new CountingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const path = request.url ?? "/";
    if (path.endsWith("/records/upsert")) this.#count(body);
    const answer = await fetch(new URL(path, this.#target), {
      method: request.method ?? "GET",
      headers: {
        authorization: request.headers.authorization ?? "",
        "content-type": "application/json",
      },
      ...(body !== "" && { body }),
    });
    response.writeHead(answer.status, { "content-type": "application/json" });
    response.end(await answer.text());
  }

  #count(body: string): void {
    const { records } = JSON.parse(body) as { records: readonly { key: string }[] };
    for (const { key } of records) this.sent.set(key, (this.sent.get(key) ?? 0) + 1);
    this.onWrite(++this.#writes);
  }
}
