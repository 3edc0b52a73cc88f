/** Writes an answer onto a node:http response: head and body in one call. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { answerBytes, endWithBody, wholeBody } from "./answer-body.ts";
import type { ListenerClock } from "./body.ts";
import {
  ANSWER_BYTES_PER_SECOND_MIN,
  ANSWER_PATIENCE_MS,
  LINGER_BYTES_MAX,
  LINGER_MS_MAX,
  WATCHED_ANSWER_BYTES_MIN,
} from "./limits.ts";
import type { HttpAnswer } from "./message.ts";
import { pour } from "./poured-body.ts";

export interface AnswerOptions {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly answer: HttpAnswer;
  readonly clock: ListenerClock;
  /** Tells the client not to send another request here. */
  readonly closes: boolean;
  /** The client is still sending a body that nobody will read. */
  readonly lingers: boolean;
  /** A bug in what makes a body. */
  onFault(error: unknown): void;
}

export function sendAnswer(options: AnswerOptions): void {
  const { response, answer, message } = options;
  const { status, stream } = answer;
  const head: string[] = [];
  for (const name in answer.headers) {
    const value = answer.headers[name];
    if (value !== undefined) head.push(name, value);
  }
  const hasNoBody = status === 204 || status === 304;
  const bytes = answerBytes(answer) ?? 0;
  if (!hasNoBody && stream === undefined) head.push("Content-Length", String(bytes));
  if (options.closes || options.lingers) head.push("Connection", "close");
  response.writeHead(status, head);
  const isSent = !hasNoBody && message.method !== "HEAD";
  if (stream !== undefined && isSent) {
    const { clock } = options;
    const cut = (): void => {
      message.socket.destroy();
    };
    void pour(response, stream, {
      clock,
      onFault: (error) => {
        options.onFault(error);
      },
      cut,
    });
  } else if (options.lingers) linger(options, isSent ? wholeBody(answer) : undefined);
  else endWithBody(response, isSent ? answer : {});
  if (bytes >= WATCHED_ANSWER_BYTES_MIN && !response.writableFinished) watch(options, bytes);
}

/** Sends everything now but ends only when the client has had time to stop sending. */
function linger(options: AnswerOptions, body: Uint8Array | undefined): void {
  const { message, response, clock } = options;
  if (body === undefined || body.length === 0) response.flushHeaders();
  else response.write(body);
  let left = LINGER_BYTES_MAX;
  const finish = (): void => {
    timer.cancel();
    message.off("data", count);
    response.end();
  };
  const count = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left < 0) finish();
  };
  const timer = clock.after(LINGER_MS_MAX, finish);
  message.on("data", count);
  message.once("end", finish);
  message.once("error", finish);
  message.once("close", finish);
  message.resume();
}

/** Cuts the connection of a client that does not take its answer. */
function watch(options: AnswerOptions, bytes: number): void {
  const { response, clock, message } = options;
  const patienceMs = ANSWER_PATIENCE_MS + (bytes / ANSWER_BYTES_PER_SECOND_MIN) * 1_000;
  const timer = clock.after(patienceMs, () => {
    message.socket.destroy();
  });
  response.once("close", () => {
    timer.cancel();
  });
}
