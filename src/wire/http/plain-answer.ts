/** What a listener answers by itself, when nobody above it can. */
import type { HttpAnswer } from "./message.ts";

const TITLES = { 400: "Bad Request", 500: "Internal Server Error" } as const;

export function plainAnswer(status: keyof typeof TITLES, id: string): HttpAnswer {
  const title = TITLES[status];
  return {
    status,
    headers: { "Content-Type": "application/problem+json", "X-Request-Id": id },
    body: JSON.stringify({ type: "about:blank", title, status, requestId: id }),
  };
}
