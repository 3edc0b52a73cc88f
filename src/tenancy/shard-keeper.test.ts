import { describe, expect, it } from "vitest";
import { toShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { ManualClock } from "../io/index.ts";
import type { Shard } from "../shard/index.ts";
import { ShardKeeper } from "./shard-keeper.ts";

const UID = toShardUid(new Uint8Array(16).fill(1));

/** A keeper whose shard fails to open when the test says so. */
function failingKeeper(): { readonly keeper: ShardKeeper; readonly fail: () => void } {
  let fail = (): void => undefined;
  const keeper = new ShardKeeper({
    clock: new ManualClock(),
    open: () =>
      new Promise<Shard>((_, reject) => {
        fail = () => {
          reject(new InsulaError("io_failed", "Cannot read: the disk says no."));
        };
      }),
    closed: () => undefined,
    awakeMax: 1,
    idleMs: 1_000,
    isTight: () => false,
    onFault: () => undefined,
    onDamage: () => Promise.resolve(),
  });
  return {
    keeper,
    fail: () => {
      fail();
    },
  };
}

describe("A shard that fails to open", () => {
  it("does not hold up its removal, and nobody else opens it meanwhile", async () => {
    const { keeper, fail } = failingKeeper();
    const used = keeper.use(UID, () => Promise.resolve());
    let finish = (): void => undefined;
    const committed = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const dropped = keeper.drop([UID], () => committed);
    fail();
    await expect(used).rejects.toMatchObject({ code: "io_failed" });
    let isServed = false;
    const late = keeper
      .use(UID, () => Promise.resolve())
      .catch(() => {
        isServed = true;
      });
    await new Promise(setImmediate);
    expect(isServed).toBe(false);
    finish();
    await dropped;
    await new Promise(setImmediate);
    fail();
    await late;
    expect(isServed).toBe(true);
    await keeper.close();
  });

  it("does not hold up putting it to sleep, and is tried again by the next use", async () => {
    const { keeper, fail } = failingKeeper();
    for (let i = 0; i < 2; i++) {
      const used = keeper.use(UID, () => Promise.resolve());
      const asleep = keeper.sleep(UID);
      fail();
      await expect(used).rejects.toMatchObject({ code: "io_failed" });
      await asleep;
      expect(keeper.awakeCount).toBe(0);
    }
    await keeper.close();
  });
});
