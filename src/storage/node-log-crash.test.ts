import { describe, expect, it } from "vitest";
import { ManualClock, SeededRandom, SimulatedDisk } from "../io/index.ts";
import { NodeLog } from "./node-log.ts";

const CRASHES = 600;
const LIVES = 3;

async function openLog(
  disk: SimulatedDisk,
  seed: number,
): Promise<{ log: NodeLog; clock: ManualClock; texts: string[] }> {
  const clock = new ManualClock();
  const texts: string[] = [];
  const log = await NodeLog.open({
    fileSystem: disk,
    folder: "log",
    clock,
    random: new SeededRandom(seed),
    fileBytesMax: 6000,
    from: { file: 0, offset: 0 },
    visit: async (entry) => {
      expect(entry.isDamaged).toBe(false);
      texts.push(Buffer.from(await entry.payload()).toString());
    },
  });
  return { log, clock, texts };
}

interface Snapshot {
  readonly disk: SimulatedDisk;
  readonly acknowledged: readonly string[];
}

/** Writes until the n-th change of the disk, and says what had been acknowledged at that moment. */
async function runUntil(
  seed: number,
  before: SimulatedDisk,
  known: readonly string[],
): Promise<Snapshot & { appended: Set<string> }> {
  const random = new SeededRandom(seed * 7 + 1);
  const crashAt = 1 + random.below(120);
  const appended = new Set(known);
  const acknowledged = [...known];
  let changes = 0;
  let snapshot: Snapshot | undefined;
  const disk = before.crash(new SeededRandom(0), {
    onChange: () => {
      if (++changes === crashAt) {
        snapshot = { disk: disk.crash(random), acknowledged: [...acknowledged] };
      }
    },
  });
  const { log, clock, texts } = await openLog(disk, seed);
  expect(texts).toEqual(known);
  for (let i = 0; snapshot === undefined && i < 40; i++) {
    const frames = Array.from({ length: 1 + random.below(4) }, (_, j) => {
      const text = `${String(seed)}.${String(i)}.${String(j)}:`.padEnd(random.below(3000), "x");
      appended.add(text);
      const parts = [Buffer.from(text.slice(0, 700)), Buffer.from(text.slice(700))];
      const frame = {
        shard: random.bytes(16),
        kind: 1,
        isSealed: false,
        sequenceFirst: i,
        sequenceLast: i,
        netRows: 1,
        netBytes: 1,
        parts,
      };
      return log.append(frame).then(() => acknowledged.push(text));
    });
    await Promise.all(frames);
    if (random.below(5) === 0) clock.advance(60);
  }
  if (snapshot === undefined) await log.close();
  return { ...(snapshot ?? { disk: disk.crash(random), acknowledged }), appended };
}

describe("NodeLog after a power cut", () => {
  it("has every acknowledged frame, whole and in order, and no other, at any moment", async () => {
    let torn = 0;
    let unacknowledged = 0;
    for (let seed = 0; seed < CRASHES; seed++) {
      let disk = new SimulatedDisk();
      let known: readonly string[] = [];
      for (let life = 0; life < LIVES; life++) {
        const end = await runUntil(seed * LIVES + life, disk, known);
        disk = end.disk;
        const { log, texts } = await openLog(disk.crash(new SeededRandom(0)), 5);
        const message = `seed ${String(seed)}, life ${String(life)}`;
        expect(texts.slice(0, end.acknowledged.length), message).toEqual(end.acknowledged);
        for (const text of texts) expect(end.appended.has(text), message).toBe(true);
        expect(new Set(texts).size, message).toBe(texts.length);
        if (log.recovery.cutBytes > 0) torn++;
        if (texts.length > end.acknowledged.length) unacknowledged++;
        known = texts;
      }
    }
    // The states drawn are worth something only if they tear, and if unanswered frames survive too.
    expect(torn).toBeGreaterThan(CRASHES / 10);
    expect(unacknowledged).toBeGreaterThan(CRASHES / 50);
  }, 60_000);

  it("keeps what it recovered after a kill, also when the power fails later", async () => {
    for (let seed = 0; seed < 50; seed++) {
      let isKilled = false;
      const disk = new SimulatedDisk({
        onChange: (change) => {
          if (isKilled && change !== "write") throw new Error("killed");
        },
      });
      const first = await openLog(disk, 1);
      const frame = {
        shard: new Uint8Array(16),
        kind: 1,
        isSealed: false,
        sequenceFirst: 1,
        sequenceLast: 1,
        netRows: 1,
        netBytes: 1,
      };
      await first.log.append({ ...frame, parts: [Buffer.from("synced")] });
      isKilled = true;
      await expect(
        first.log.append({ ...frame, parts: [Buffer.from("written")] }),
      ).rejects.toThrow();
      isKilled = false;
      const second = await openLog(disk, 2);
      expect(second.texts).toEqual(["synced", "written"]);
      await second.log.append({ ...frame, parts: [Buffer.from("later")] });
      const third = await openLog(disk.crash(new SeededRandom(seed)), 3);
      expect(third.texts).toEqual(["synced", "written", "later"]);
    }
  });

  it("keeps what it recovered after a failed sync: pages that look clean are written again", async () => {
    const frame = {
      shard: new Uint8Array(16),
      kind: 1,
      isSealed: false,
      sequenceFirst: 1,
      sequenceLast: 1,
      netRows: 1,
      netBytes: 1,
    };
    for (let seed = 0; seed < 50; seed++) {
      let isBad = false;
      const disk = new SimulatedDisk({ failsSync: () => isBad });
      const first = await openLog(disk, 1);
      await first.log.append({ ...frame, parts: [Buffer.from("synced")] });
      isBad = true;
      const lost = first.log.append({ ...frame, parts: [Buffer.from("not synced")] });
      await expect(lost).rejects.toMatchObject({ code: "log_poisoned" });
      const later = first.log.append({ ...frame, parts: [Buffer.from("too late")] });
      await expect(later).rejects.toMatchObject({ code: "log_poisoned" });
      isBad = false;
      // The same machine, the same page cache: the group that was refused may be found now, and
      // what is found must stay.
      const second = await openLog(disk, 2);
      expect(second.texts[0]).toBe("synced");
      await second.log.append({ ...frame, parts: [Buffer.from("later")] });
      const third = await openLog(disk.crash(new SeededRandom(seed)), 3);
      expect(third.texts).toEqual([...second.texts, "later"]);
    }
  });
});
