import { expect, it } from "vitest";
import { closeAll } from "./close-all.ts";

it("runs every step in order and then throws the first error", async () => {
  const done: number[] = [];
  const fail = (step: number) => (): Promise<void> => {
    done.push(step);
    return Promise.reject(new Error(`step ${String(step)}`));
  };
  const succeed = (step: number) => (): Promise<void> => {
    done.push(step);
    return Promise.resolve();
  };
  await expect(closeAll([succeed(1), fail(2), succeed(3), fail(4), succeed(5)])).rejects.toThrow(
    "step 2",
  );
  expect(done).toEqual([1, 2, 3, 4, 5]);
  await closeAll([succeed(6)]);
  expect(done).toHaveLength(6);
});
