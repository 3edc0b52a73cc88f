/** A service on a real socket that answers as a test tells it; beside the code for two suites. */
import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { CallDoors } from "./json-caller.ts";
import { CALL_TIMEOUT_MS } from "./limits.ts";

export interface SeenCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

export type Answering = (call: SeenCall, response: ServerResponse) => void;

export class FakeService {
  readonly calls: SeenCall[] = [];
  readonly #server: Server;
  /** Taken one by one; the last one stays. */
  answers: Answering[] = [];
  underWay = 0;
  underWayMax = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.underWay++;
      this.underWayMax = Math.max(this.underWayMax, this.underWay);
      response.once("close", () => this.underWay--);
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.once("end", () => {
        const body = JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>;
        const call = { path: request.url ?? "", headers: request.headers, body };
        this.calls.push(call);
        const answering = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
        answering?.(call, response);
      });
    });
  }

  static async open(): Promise<FakeService> {
    const service = new FakeService();
    await new Promise<void>((resolve) => service.#server.listen(0, "127.0.0.1", resolve));
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/v1`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function json(
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): Answering {
  return (_, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(value));
  };
}

/** Real time, but pauses between tries are over at once; how long they should be is kept. */
export function shortDoors(): CallDoors & { readonly pausesMs: number[] } {
  const pausesMs: number[] = [];
  return {
    pausesMs,
    random: { bytes: (count) => new Uint8Array(count).fill(128) },
    clock: {
      wallMs: () => Date.UTC(2026, 0, 1),
      after: (delayMs, task) => {
        const isPause = delayMs > SHORT_TIMEOUT_MS && delayMs !== CALL_TIMEOUT_MS;
        if (isPause) pausesMs.push(delayMs);
        const timer = setTimeout(task, isPause ? 0 : delayMs);
        return {
          cancel: () => {
            clearTimeout(timer);
          },
        };
      },
    },
  };
}

/** Of one try; like the usual one it is told from pauses by its length. */
export const SHORT_TIMEOUT_MS = 100;
