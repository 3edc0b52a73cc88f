/** Writes an answer onto a stream of HTTP/2. */
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { answerBytes, endWithBody } from "./answer-body.ts";
import { HTTP2_DISCARDED_BYTES_MAX } from "./http2-limits.ts";
import type { HttpAnswer } from "./message.ts";
import { pour, type PourDoors } from "./poured-body.ts";

/** @throws what node:http2 says of a header that no server may send. */
export function sendHttp2Answer(
  stream: ServerHttp2Stream,
  method: string,
  answer: HttpAnswer,
  doors: Omit<PourDoors, "cut">,
): void {
  const { status, trailers, stream: pieces } = answer;
  const hasNoBody = status === 204 || status === 304;
  const bytes = answerBytes(answer) ?? 0;
  const head: OutgoingHttpHeaders = { ...answer.headers, ":status": status };
  const isPoured = pieces !== undefined && !hasNoBody && method !== "HEAD";
  if (!hasNoBody && trailers === undefined && pieces === undefined) head["content-length"] = bytes;
  const isUnread = !stream.readableEnded && !stream.endAfterHeaders;
  if (isPoured) {
    pourOnto(stream, head, pieces, doors);
    return;
  }
  if (hasNoBody || method === "HEAD" || (bytes === 0 && trailers === undefined)) {
    stream.respond(head, { endStream: true });
    if (isUnread) stop(stream);
    return;
  }
  if (trailers === undefined) {
    stream.respond(head);
    if (isUnread)
      stream.once("finish", () => {
        stop(stream);
      });
  } else {
    stream.respond(head, { waitForTrailers: true });
    stream.once("wantTrailers", () => {
      if (stream.destroyed) return;
      stream.sendTrailers(trailers);
      if (isUnread) stop(stream);
    });
  }
  endWithBody(stream, answer);
}

function pourOnto(
  stream: ServerHttp2Stream,
  head: OutgoingHttpHeaders,
  pieces: AsyncIterable<Uint8Array>,
  doors: Omit<PourDoors, "cut">,
): void {
  // A stream that is closed with an error ends its body first, as if it were whole, unless
  // something is still to come behind it.
  stream.respond(head, { waitForTrailers: true });
  stream.once("wantTrailers", () => {
    if (!stream.destroyed && !stream.closed) stream.sendTrailers({});
  });
  const cut = (): void => {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  };
  void pour(stream, pieces, { ...doors, cut });
}

/**
 * What a client still sends of a body that nobody reads is thrown away; one that sends much more is
 * told that it may stop. Not at once: there are clients (Rust's h2) to whom a reset that comes with
 * the answer takes the answer away. One that sends nothing more is ended by the sweep of sessions.
 */
function stop(stream: ServerHttp2Stream): void {
  let bytes = 0;
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > HTTP2_DISCARDED_BYTES_MAX) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}
