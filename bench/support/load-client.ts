/**
 * A keep-alive connection that sends prepared bytes and takes answers with a Content-Length: next
 * to no work of its own, so that the server is measured and not the client.
 */
import { connect, type Socket } from "node:net";

export interface LoadAnswer {
  readonly status: number;
  readonly body: string;
}

const HEAD_END = Buffer.from("\r\n\r\n");

export class LoadConnection {
  readonly #socket: Socket;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #wantedBytes = Number.POSITIVE_INFINITY;
  #bodyStart = 0;
  #waiting: { resolve(answer: LoadAnswer): void; reject(error: Error): void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", this.#take);
    socket.on("error", (error) => this.#waiting?.reject(error));
    socket.on("close", () => this.#waiting?.reject(new Error("The server closed the connection.")));
  }

  static open(port: number): Promise<LoadConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => {
        resolve(new LoadConnection(socket));
      });
      socket.once("error", reject);
    });
  }

  /** One at a time. */
  send(request: Buffer): Promise<LoadAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  readonly #take = (chunk: Buffer): void => {
    this.#received.push(chunk);
    this.#receivedBytes += chunk.length;
    if (this.#wantedBytes === Number.POSITIVE_INFINITY) this.#readHead();
    if (this.#receivedBytes < this.#wantedBytes) return;
    const bytes = this.#received.length === 1 ? chunk : Buffer.concat(this.#received);
    const status = Number(bytes.toString("latin1", 9, 12));
    const body = bytes.toString("utf8", this.#bodyStart);
    this.#received = [];
    this.#receivedBytes = 0;
    this.#wantedBytes = Number.POSITIVE_INFINITY;
    this.#waiting?.resolve({ status, body });
  };

  #readHead(): void {
    const bytes = this.#received.length === 1 ? this.#received[0] : Buffer.concat(this.#received);
    const end = bytes?.indexOf(HEAD_END) ?? -1;
    if (bytes === undefined || end < 0) return;
    const length = /\r\ncontent-length: (\d+)/i.exec(bytes.toString("latin1", 0, end))?.[1] ?? "0";
    this.#bodyStart = end + HEAD_END.length;
    this.#wantedBytes = this.#bodyStart + Number(length);
  }
}
