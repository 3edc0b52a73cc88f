import { expect, it } from "vitest";
import { allDone } from "./all-done.ts";

it("gives what all came to, in their order", async () => {
  expect(await allDone([Promise.resolve(1), "two"])).toEqual([1, "two"]);
});

it("fails when all have ended, not with the first that fails", async () => {
  let end: () => void = () => undefined;
  const slow = new Promise<void>((resolve) => {
    end = resolve;
  });
  let isOver = false;
  const all = allDone([Promise.reject(new Error("first")), slow]).catch((error: unknown) => {
    isOver = true;
    throw error;
  });
  const outcome = expect(all).rejects.toThrow("first");
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  end();
  await outcome;
});
