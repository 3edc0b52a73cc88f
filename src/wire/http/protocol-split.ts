/**
 * Gives each connection of a port to HTTP/1.1 or to HTTP/2, by what its client speaks.
 *
 * Over TLS the client has chosen in the handshake (ALPN). In plain text the first three bytes tell:
 * the preface of HTTP/2 begins with `PRI`, which is a method of no HTTP/1.1 (RFC 9113 §3.4).
 *
 * The listening server stays the one of node:http, so that its bounds on connections and its stop
 * hold for both.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** What a server offers in the handshake, the better first. */
export const ALPN_PROTOCOLS: readonly string[] = ["h2", "http/1.1"];

const PREFACE = Buffer.from("PRI");

export interface SplitOptions {
  /** How long a client may be silent before it has said what it speaks, ms. */
  readonly silenceMsMax: number;
  takeHttp2(socket: Socket): void;
}

/** Takes the connections of a server before node:http sees them. */
export class ProtocolSplit {
  readonly #options: SplitOptions;
  readonly #takeHttp1: (socket: Socket) => void;
  /** Connections that have not said what they speak. */
  readonly #undecided = new Set<Socket>();

  constructor(server: Server, isTls: boolean, options: SplitOptions) {
    this.#options = options;
    const event = isTls ? "secureConnection" : "connection";
    const listeners = server.listeners(event) as ((this: Server, socket: Socket) => void)[];
    server.removeAllListeners(event);
    this.#takeHttp1 = (socket) => {
      for (const listener of listeners) listener.call(server, socket);
    };
    server.on(event, isTls ? this.#takeSecure : this.#takePlain);
  }

  /** Ends the connections that have not said anything yet. */
  close(): void {
    for (const socket of this.#undecided) socket.destroy();
  }

  readonly #takeSecure = (socket: TLSSocket): void => {
    if (socket.alpnProtocol === "h2") this.#options.takeHttp2(socket);
    else this.#takeHttp1(socket);
  };

  readonly #takePlain = (socket: Socket): void => {
    const end = (): void => {
      socket.destroy();
    };
    let head: Buffer | undefined;
    const look = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      head = head === undefined ? chunk : Buffer.concat([head, chunk]);
      const isHttp2 = head.subarray(0, PREFACE.length).equals(PREFACE);
      // "PU" is a PUT, "PR" may become both.
      if (!isHttp2 && PREFACE.subarray(0, head.length).equals(head)) return;
      socket.off("readable", look).off("error", end).off("end", end).off("timeout", end);
      socket.setTimeout(0);
      this.#undecided.delete(socket);
      socket.unshift(head);
      if (isHttp2) this.#options.takeHttp2(socket);
      else this.#takeHttp1(socket);
    };
    this.#undecided.add(socket);
    socket.once("close", () => this.#undecided.delete(socket));
    socket.setTimeout(this.#options.silenceMsMax);
    socket.on("readable", look).on("error", end).on("end", end).on("timeout", end);
  };
}
