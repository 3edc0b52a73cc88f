/** Writes an answer onto a stream of HTTP/2. */
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { HttpAnswer } from "./message.ts";

/** @throws what node:http2 says of a header that no server may send. */
export function sendHttp2Answer(
  stream: ServerHttp2Stream,
  method: string,
  answer: HttpAnswer,
): void {
  const { status, body, trailers } = answer;
  const hasNoBody = status === 204 || status === 304;
  const bytes = body === undefined ? 0 : Buffer.byteLength(body);
  const head: OutgoingHttpHeaders = { ...answer.headers, ":status": status };
  if (!hasNoBody && trailers === undefined) head["content-length"] = bytes;
  const isUnread = !stream.readableEnded && !stream.endAfterHeaders;
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
  stream.end(body);
}

/** Tells a client that is still sending a body nobody will read that it may stop. */
function stop(stream: ServerHttp2Stream): void {
  stream.resume();
  stream.close(constants.NGHTTP2_NO_ERROR);
}
