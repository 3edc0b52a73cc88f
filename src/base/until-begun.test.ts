import { expect, it } from "vitest";
import { UntilBegun } from "./until-begun.ts";

it("is aborted as its caller's signal is, before and after it was made", () => {
  const caller = new AbortController();
  const early = new UntilBegun(caller.signal);
  expect(early.signal?.aborted).toBe(false);
  caller.abort("enough");
  for (const { signal } of [early, new UntilBegun(caller.signal)]) {
    expect(signal?.reason).toBe("enough");
  }
});

it("is not aborted any more when the work has begun", () => {
  const caller = new AbortController();
  const until = new UntilBegun(caller.signal);
  until.begin();
  caller.abort("too late");
  expect(until.signal?.aborted).toBe(false);
});

it("is none where nobody gives up", () => {
  const until = new UntilBegun(undefined);
  until.begin();
  expect(until.signal).toBeUndefined();
});
