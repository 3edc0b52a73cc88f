/** What of an answer comes behind its head, whole or in parts. */
import type { Writable } from "node:stream";
import type { HttpAnswer } from "./message.ts";

type AnswerBody = Pick<HttpAnswer, "body" | "parts">;

/** Undefined for an answer without a body. */
export function answerBytes({ body, parts }: AnswerBody): number | undefined {
  if (parts !== undefined) return parts.reduce((sum, { length }) => sum + length, 0);
  if (body === undefined) return undefined;
  return typeof body === "string" ? Buffer.byteLength(body) : body.length;
}

/** Ends the stream with all of it. */
export function endWithBody(stream: Writable, { body, parts }: AnswerBody): void {
  for (const part of parts ?? []) stream.write(part);
  stream.end(body);
}

/** A copy, in one piece. */
export function wholeBody({ body, parts }: AnswerBody): Buffer {
  return parts === undefined ? Buffer.from(body ?? "") : Buffer.concat(parts);
}
