import { createHash, randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { Pace } from "./pace.ts";
import { sha256InTurns } from "./sha256.ts";

const MANY = randomBytes(3 * 1_048_576 + 17);

function plain(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

it("few bytes are hashed at once, and none of them too", () => {
  const pace = new Pace(() => Promise.reject(new Error("no turn is needed")));
  for (const bytes of [new Uint8Array(0), MANY.subarray(0, 5), MANY.subarray(0, 100_000)]) {
    const hash = sha256InTurns(bytes, pace);
    expect(hash instanceof Promise).toBe(false);
    expect((hash as Buffer).toString("hex")).toBe(plain(bytes));
  }
});

it("many bytes have a turn for each eighth of a MiB, and the hash of all of them", async () => {
  let turns = 0;
  const pace = new Pace(async () => {
    await new Promise(setImmediate);
    turns++;
  });
  expect((await sha256InTurns(MANY, pace)).toString("hex")).toBe(plain(MANY));
  expect(turns).toBeGreaterThanOrEqual(24);
});

it("ends at a turn when it is given up", async () => {
  const abort = new AbortController();
  const pace = new Pace(() => {
    abort.abort(new RangeError("enough"));
    return Promise.resolve();
  }, abort.signal);
  await expect(sha256InTurns(MANY, pace)).rejects.toThrow("enough");
});
