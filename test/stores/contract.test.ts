/** What is asked of every object store, asked of one that others wrote. */
import { describe, expect, it } from "vitest";
import { probeStore } from "../../src/backup/index.ts";
import { NodeRandom } from "../../src/io/index.ts";
import { describeObjectStore } from "../../src/io/object-store.contract.ts";
import { makeBucket, openBucket } from "./bucket.ts";
import { readRealStore } from "./real-store.ts";

const { name } = readRealStore();
const ABILITIES = { hasDotSegments: false };
const body = Buffer.from("the body");
/** More than one page of a listing holds. */
const KEYS = 1_005;
const RACES = 10;
const RACERS = 20;

describeObjectStore(name, async () => openBucket(await makeBucket()), ABILITIES);
describeObjectStore(
  `${name}, below a prefix`,
  async () => {
    const settings = await makeBucket();
    await openBucket(settings).put("a strange/thing", Buffer.from("not ours"));
    return openBucket(settings, "my backups/");
  },
  ABILITIES,
);

/** Some at once: all of them would wait for connections. */
async function forEach(
  keys: readonly string[],
  work: (key: string) => Promise<unknown>,
): Promise<void> {
  const left = [...keys];
  const lane = async (): Promise<void> => {
    for (let key = left.shift(); key !== undefined; key = left.shift()) await work(key);
  };
  await Promise.all(Array.from({ length: 16 }, lane));
}

describe(name, () => {
  it("is taken by the trial that every node makes", async () => {
    const store = openBucket(await makeBucket(), "nodes/");
    await probeStore(store, new NodeRandom());
    expect(await store.list("", { limit: 10 })).toEqual([]);
  });

  it("lets one of twenty win who create an object at once, and keeps what that one wrote", async () => {
    const store = openBucket(await makeBucket());
    for (let race = 0; race < RACES; race++) {
      const key = `race/${String(race)}`;
      const racers = Array.from({ length: RACERS }, (_, i) => Buffer.from(`racer ${String(i)}`));
      const tries = await Promise.all(racers.map((racer) => store.putIfAbsent(key, racer)));
      const winners = racers.filter((_, i) => tries[i]);
      expect(winners).toHaveLength(1);
      expect(Buffer.from((await store.get(key)) ?? [])).toEqual(winners[0]);
    }
  });

  it("lists at once what was written, over several pages, and no more what was removed", async () => {
    const store = openBucket(await makeBucket(), "deep/");
    const keys = Array.from({ length: KEYS }, (_, i) => `k/${String(i).padStart(5, "0")}`);
    await forEach(keys, (key) => store.putIfAbsent(key, body));
    expect(await store.list("k/", { limit: KEYS * 2 })).toEqual(keys);
    const odd = keys.filter((_, i) => i % 2 === 1);
    await forEach(odd, (key) => store.delete(key));
    const even = keys.filter((_, i) => i % 2 === 0);
    expect(await store.list("k/", { limit: KEYS * 2 })).toEqual(even);
  });

  it("holds an object of no bytes, and one of many, whole and in ranges", async () => {
    const store = openBucket(await makeBucket());
    await store.put("none", new Uint8Array(0));
    expect(await store.head("none")).toBe(0);
    expect([...((await store.get("none")) ?? [1])]).toEqual([]);
    expect([...((await store.get("none", { start: 0, length: 5 })) ?? [1])]).toEqual([]);
    const many = Buffer.from(new NodeRandom().bytes(65_536));
    const long = Buffer.concat(Array.from({ length: 300 }, () => many));
    expect(await store.putIfAbsent("long", long)).toBe(true);
    expect(await store.head("long")).toBe(long.length);
    expect(Buffer.compare((await store.get("long")) ?? body, long)).toBe(0);
    const range = { start: 16_777_000, length: 70_000 };
    const part = long.subarray(range.start, range.start + range.length);
    expect(Buffer.compare((await store.get("long", range)) ?? body, part)).toBe(0);
  });

  it("refuses a wrong secret at once, and a bucket that is not there", async () => {
    const settings = await makeBucket();
    const credentials = { ...settings.credentials, secret: "wrong" };
    await expect(openBucket({ ...settings, credentials }).get("k")).rejects.toMatchObject({
      code: "io_failed",
      message: expect.stringContaining("403 SignatureDoesNotMatch") as unknown,
    });
    const elsewhere = openBucket({ ...settings, bucket: "insula-none" });
    await expect(elsewhere.put("k", body)).rejects.toMatchObject({
      code: "io_failed",
      message: expect.stringContaining("404 NoSuchBucket") as unknown,
    });
  });
});
