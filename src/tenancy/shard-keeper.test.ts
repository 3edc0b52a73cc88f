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
    memoryUse: () => ({ usedBytes: 0, budgetBytes: 1 }),
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

describe("A use that is given up", () => {
  const gone = new Error("no longer wanted");
  function stop(): { signal: AbortSignal; abort: () => void } {
    const controller = new AbortController();
    return {
      signal: controller.signal,
      abort: () => {
        controller.abort(gone);
      },
    };
  }

  it("while the shard fails to open leaves the failure to those who still wait", async () => {
    const { keeper, fail } = failingKeeper();
    const { signal, abort } = stop();
    const given = keeper.use(UID, () => Promise.resolve(), undefined, { signal });
    const other = keeper.use(UID, () => Promise.resolve());
    abort();
    await expect(given).rejects.toBe(gone);
    expect(keeper.awakeCount).toBe(1);
    fail();
    await expect(other).rejects.toMatchObject({ code: "io_failed" });
    expect(keeper.awakeCount).toBe(0);
    await keeper.close();
  });

  it("by all leaves nobody to be told, and a close waits for the opening", async () => {
    const { keeper, fail } = failingKeeper();
    const { signal, abort } = stop();
    const given = keeper.use(UID, () => Promise.resolve(), undefined, { signal });
    abort();
    await expect(given).rejects.toBe(gone);
    let isClosed = false;
    const closed = keeper.close().then(() => {
      isClosed = true;
    });
    await new Promise(setImmediate);
    expect(isClosed).toBe(false);
    fail();
    await closed;
  });

  it("while the shard is barred lets it be, and is not tried behind that", async () => {
    const { keeper } = failingKeeper();
    const { signal, abort } = stop();
    let commit = (): void => undefined;
    const suspended = keeper.suspend(
      UID,
      () =>
        new Promise<void>((resolve) => {
          commit = resolve;
        }),
    );
    await new Promise(setImmediate);
    const given = keeper.use(UID, () => Promise.resolve(), undefined, { signal });
    await new Promise(setImmediate);
    abort();
    await expect(given).rejects.toBe(gone);
    commit();
    await suspended;
    expect(keeper.awakeCount).toBe(0);
    await keeper.close();
  });
});

describe("A shard that is suspended", () => {
  /** Answers to opening and closing, in place of a shard with data. */
  function keeperOf(close: () => Promise<void>): { keeper: ShardKeeper; opened: () => number } {
    let opened = 0;
    const shard = { close, settle: () => Promise.resolve(), lastUsedMs: 0 };
    const keeper = new ShardKeeper({
      clock: new ManualClock(),
      open: () => {
        opened++;
        return Promise.resolve(shard as unknown as Shard);
      },
      closed: () => undefined,
      awakeMax: 1,
      idleMs: 1_000,
      memoryUse: () => ({ usedBytes: 0, budgetBytes: 1 }),
      onFault: () => undefined,
      onDamage: () => Promise.resolve(),
    });
    return { keeper, opened: () => opened };
  }
  const refuse = (): Promise<void> =>
    Promise.reject(new InsulaError("tenant_not_active", "Cannot use it: it rests."));

  it("waits for its user, and whoever comes meanwhile is asked for admission after it", async () => {
    const { keeper, opened } = keeperOf(() => Promise.resolve());
    const seen: string[] = [];
    let finish = (): void => undefined;
    let mayEnter = true;
    const admit = (): Promise<void> => (mayEnter ? Promise.resolve() : refuse());
    const first = keeper.use(
      UID,
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
      admit,
    );
    while (opened() === 0) await Promise.resolve();
    const suspended = keeper.suspend(UID, () => {
      seen.push("committed");
      mayEnter = false;
      return Promise.resolve();
    });
    const second = keeper.use(UID, () => Promise.resolve(), admit);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(seen).toEqual([]);
    finish();
    await Promise.all([first, suspended]);
    expect(seen).toEqual(["committed"]);
    await expect(second).rejects.toMatchObject({ code: "tenant_not_active" });
    expect(opened()).toBe(1);
    expect(keeper.awakeCount).toBe(0);
    await keeper.close();
  });

  it("stays awake, and nothing is committed, when it cannot sleep", async () => {
    let isBroken = true;
    const { keeper, opened } = keeperOf(() =>
      isBroken
        ? Promise.reject(new InsulaError("io_failed", "Cannot write: the disk says no."))
        : Promise.resolve(),
    );
    await keeper.use(UID, () => Promise.resolve());
    let committed = 0;
    const commit = (): Promise<void> => {
      committed++;
      return Promise.resolve();
    };
    await expect(keeper.suspend(UID, commit)).rejects.toMatchObject({ code: "io_failed" });
    expect(committed).toBe(0);
    await keeper.use(UID, () => Promise.resolve());
    expect(opened()).toBe(1);
    isBroken = false;
    await keeper.suspend(UID, commit);
    expect([committed, keeper.awakeCount]).toEqual([1, 0]);
    await keeper.close();
  });

  it("that slept is not woken, and is refused behind the commit", async () => {
    const { keeper, opened } = keeperOf(() => Promise.resolve());
    await keeper.suspend(UID, () => Promise.resolve());
    await expect(keeper.use(UID, () => Promise.resolve(), refuse)).rejects.toMatchObject({
      code: "tenant_not_active",
    });
    expect([opened(), keeper.awakeCount]).toEqual([0, 0]);
    await keeper.close();
  });
});
