import { expect, it } from "vitest";
import { Pace } from "../base/pace.ts";
import type { BodyTurns, TurnsAsked } from "./dialect.ts";
import { AnswerText, answerTextOf, bodyOf, flowOf, type PrintedText } from "./answer-text.ts";

function bytesOf(printed: PrintedText): Buffer {
  return typeof printed === "string" ? Buffer.from(printed) : Buffer.concat(printed);
}

it("a short text stays a text", async () => {
  const pace = new Pace(() => Promise.reject(new Error("no turn is needed")));
  const text = new AnswerText(pace).add("[");
  await text.list([1, 2, 3], String);
  const printed = text.add("]").finish();
  expect(printed).toBe("[1,2,3]");
  expect(bodyOf(printed)).toEqual({ body: "[1,2,3]" });
  expect((await new AnswerText(pace).list([], String)).finish()).toBe("");
});

it("of a long one no more than a slice is printed between two turns, and it is bytes in parts", async () => {
  const items = Array.from({ length: 20_000 }, (_, i) => `"the item 🙂 ${String(i)}"`);
  let since = 0;
  let most = 0;
  let turns = 0;
  const pace = new Pace(async () => {
    await new Promise(setImmediate);
    since = 0;
    turns++;
  });
  const text = new AnswerText(pace).add("[");
  await text.list(items, (item) => {
    most = Math.max(most, (since += item.length));
    return item;
  });
  const printed = text.add("]").finish();
  expect(bytesOf(printed).toString()).toBe(`[${items.join()}]`);
  expect(turns).toBeGreaterThanOrEqual(4);
  // Three steps a character: 87,382 of a slice, and the piece that fills it.
  expect(most).toBeLessThan(92_000);
  const { parts = [] } = bodyOf(printed);
  expect(parts.length).toBeGreaterThan(5);
  expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(100_000);
});

it("ends where an item cannot be printed", async () => {
  const text = new AnswerText(undefined);
  const given = text.list([1, 2], (item) => {
    if (item === 2) throw new RangeError("too large");
    return "1";
  });
  await expect(given).rejects.toThrow("too large");
});

it("is printed in the flow of its place", () => {
  const asked: TurnsAsked[] = [];
  const turnsOf = (turns: TurnsAsked): BodyTurns => {
    asked.push(turns);
    return { ...turns, pace: new Pace(() => Promise.resolve()) };
  };
  const { signal } = new AbortController();
  answerTextOf({ turnsOf }, { database: "db", collection: "c", tenant: "acme", signal });
  answerTextOf({ turnsOf }, { database: "db", collection: "c" });
  expect(asked).toEqual([
    { flow: "db\nc\nacme", kind: "query", signal },
    { flow: "db\nc\n", kind: "query", signal: undefined },
  ]);
  expect(flowOf({ database: "db", collection: "c", tenant: "acme" })).toBe(asked[0]?.flow);
});
