import { describe, expect, it } from "vitest";
import {
  FileHandles,
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
  SimulatedDisk,
} from "../io/index.ts";
import type { FileSystem } from "../io/index.ts";
import { MASTER_KEY_PATH, parseMasterKey } from "./master-key.ts";
import { ROOT_PATH } from "./root-file.ts";
import { SLOTS_PER_FILE, slotFilePath, slotPlace } from "./slot-file.ts";
import { Vault, type VaultOptions } from "./vault.ts";

const OTHER_KEY = new Uint8Array(32).fill(9);

function open(
  fileSystem: FileSystem,
  options: Partial<VaultOptions> = {},
  seed = 1,
): Promise<Vault> {
  const [clock, files] = [new ManualClock(), new FileHandles(fileSystem, 8)];
  return Vault.open({ fileSystem, files, random: new SeededRandom(seed), clock, ...options });
}

async function contentsOf(fileSystem: FileSystem): Promise<ReadonlyMap<string, string>> {
  const contents = new Map<string, string>();
  for (const path of [MASTER_KEY_PATH, ROOT_PATH, slotFilePath(1)]) {
    const bytes = await fileSystem.readWhole(path);
    if (bytes !== undefined) contents.set(path, Buffer.from(bytes).toString("hex"));
  }
  return contents;
}

describe("a vault", () => {
  it("gives each slot a key of its own, the same in the next life", async () => {
    const fileSystem = new MemoryFileSystem();
    const first = await open(fileSystem);
    const slots = [await first.slots.take(), await first.slots.take(), await first.slots.take()];
    expect(slots).toEqual([1, 2, 3]);
    const keys = await Promise.all(slots.map((slot) => first.slots.key(slot)));
    expect(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size).toBe(3);
    const second = await open(fileSystem, {}, 2);
    expect(await Promise.all(slots.map((slot) => second.slots.key(slot)))).toEqual(keys);
    second.slots.startAt(4);
    expect(await second.slots.take()).toBe(4);
  });

  it("goes on in the next file, and starts above what may be in use even when that is not made", async () => {
    const fileSystem = new MemoryFileSystem();
    const vault = await open(fileSystem);
    vault.slots.startAt(SLOTS_PER_FILE);
    const slots = [await vault.slots.take(), await vault.slots.take()];
    expect(slots).toEqual([SLOTS_PER_FILE, SLOTS_PER_FILE + 1]);
    const [last, first] = await Promise.all(slots.map((slot) => vault.slots.key(slot)));
    expect(first).not.toEqual(last);
    expect(slotPlace(SLOTS_PER_FILE + 1)).toEqual({ file: 2, offset: 64 });
  });

  it("mixes the key of a shard with that of its collection", async () => {
    const vault = await open(new MemoryFileSystem());
    const [a, b, collection] = [
      await vault.slots.take(),
      await vault.slots.take(),
      await vault.slots.take(),
    ];
    const keys = [
      await vault.shardKey({ shard: a, collection: undefined }),
      await vault.shardKey({ shard: a, collection }),
      await vault.shardKey({ shard: b, collection }),
    ].map((key) => Buffer.from(key).toString("hex"));
    expect(new Set(keys).size).toBe(3);
    await vault.slots.erase([collection]);
    await expect(vault.shardKey({ shard: a, collection })).rejects.toMatchObject({
      code: "data_damaged",
    });
  });

  it("keeps nothing of an erased key, in memory or on disk, and everything of its neighbours", async () => {
    const fileSystem = new MemoryFileSystem();
    const vault = await open(fileSystem);
    const slots = [await vault.slots.take(), await vault.slots.take(), await vault.slots.take()];
    const [before, , after] = await Promise.all(slots.map((slot) => vault.slots.key(slot)));
    await vault.slots.erase([2, 5 * SLOTS_PER_FILE]);
    await expect(vault.slots.key(2)).rejects.toMatchObject({ code: "data_damaged" });
    const { offset } = slotPlace(2);
    const bytes = await fileSystem.readWhole(slotFilePath(1));
    expect(bytes?.subarray(offset, offset + 64).every((byte) => byte === 0)).toBe(true);
    const next = await open(fileSystem);
    expect([await next.slots.key(1), await next.slots.key(3)]).toEqual([before, after]);
  });

  it("makes the name of a file it found durable before a key of it is handed out", async () => {
    const disk = new SimulatedDisk();
    await (await open(disk)).slots.take();
    // A life whose folder sync failed leaves the file under a name that no power cut respects.
    const left = new SimulatedDisk();
    await left.makeFolder("keys");
    await left.syncFolder("");
    for (const path of [MASTER_KEY_PATH, ROOT_PATH]) {
      await left.replaceWhole(path, (await disk.readWhole(path)) ?? new Uint8Array(0));
    }
    const bytes = (await disk.readWhole(slotFilePath(1))) ?? new Uint8Array(0);
    const file = await left.create(slotFilePath(1));
    await file.write(0, bytes);
    await file.sync();
    const vault = await open(left, {}, 2);
    const key = await vault.slots.key(await vault.slots.take());
    for (let state = 0; state < 8; state++) {
      const cut = left.crash(new SeededRandom(state));
      expect(await (await open(cut, {}, 3)).slots.key(1)).toEqual(key);
    }
    let syncs = 0;
    const counted = new SimulatedDisk({
      onChange: (change) => (syncs += +(change === "sync-folder")),
    });
    const slots = (await open(counted)).slots;
    await slots.take();
    const before = syncs;
    for (let i = 0; i < 100; i++) await slots.take();
    // Once for each life, not once for each key.
    expect(syncs).toBe(before);
  });

  it("opens no slot that was moved, changed or brought from another folder", async () => {
    const fileSystem = new MemoryFileSystem();
    await (await open(fileSystem)).slots.take();
    const stranger = new MemoryFileSystem();
    await (await open(stranger, {}, 2)).slots.take();
    const bytes = Buffer.from((await fileSystem.readWhole(slotFilePath(1))) ?? []);
    bytes.copy(bytes, slotPlace(2).offset, slotPlace(1).offset, slotPlace(1).offset + 64);
    bytes[slotPlace(3).offset + 20] = (bytes[slotPlace(3).offset + 20] ?? 0) ^ 1;
    const foreign = (await stranger.readWhole(slotFilePath(1))) ?? new Uint8Array(0);
    const at = slotPlace(4).offset;
    bytes.set(foreign.subarray(at, at + 64), at);
    await fileSystem.replaceWhole(slotFilePath(1), bytes);
    const vault = await open(fileSystem);
    await vault.slots.key(1);
    for (const slot of [2, 3, 4]) {
      await expect(vault.slots.key(slot)).rejects.toMatchObject({ code: "data_damaged" });
    }
    await vault.slots.key(5);
  });
});

describe("the master key", () => {
  it("is made in the folder when none is given, and nothing else opens it", async () => {
    const fileSystem = new MemoryFileSystem();
    await (await open(fileSystem)).slots.take();
    const before = await contentsOf(fileSystem);
    await expect(open(fileSystem, { masterKey: OTHER_KEY })).rejects.toMatchObject({
      code: "master_key_wrong",
    });
    await fileSystem.unlink(MASTER_KEY_PATH);
    await expect(open(fileSystem)).rejects.toMatchObject({
      code: "master_key_missing",
      message: expect.stringMatching(/master-key is missing.*Nothing was changed/) as unknown,
    });
    before.get(MASTER_KEY_PATH);
    const after = await contentsOf(fileSystem);
    expect([...after]).toEqual([...before].filter(([path]) => path !== MASTER_KEY_PATH));
  });

  it("that is given is never written down", async () => {
    const fileSystem = new MemoryFileSystem();
    const vault = await open(fileSystem, { masterKey: OTHER_KEY });
    await vault.slots.take();
    expect(await fileSystem.exists(MASTER_KEY_PATH)).toBe(false);
    for (const hex of (await contentsOf(fileSystem)).values()) {
      expect(hex).not.toContain("09".repeat(32));
    }
  });

  it("is refused with a missing or damaged root file, and nothing is made anew", async () => {
    const fileSystem = new MemoryFileSystem();
    await (await open(fileSystem)).slots.take();
    const bytes = (await fileSystem.readWhole(ROOT_PATH)) ?? new Uint8Array(0);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      await fileSystem.replaceWhole(ROOT_PATH, damaged);
      await expect(open(fileSystem)).rejects.toMatchObject({
        code: expect.stringMatching(/^(data_damaged|format_unsupported)$/) as unknown,
      });
    }
    await fileSystem.unlink(ROOT_PATH);
    await expect(open(fileSystem)).rejects.toMatchObject({ code: "data_damaged" });
    expect(await fileSystem.exists(ROOT_PATH)).toBe(false);
  });

  it("of the folder is replaced at once: the old one opens nothing, every slot stays", async () => {
    const fileSystem = new MemoryFileSystem();
    const vault = await open(fileSystem);
    const key = await vault.slots.key(await vault.slots.take());
    const old = parseMasterKey(
      Buffer.from((await fileSystem.readWhole(MASTER_KEY_PATH)) ?? []).toString(),
      "a test",
    );
    await vault.rotate(OTHER_KEY);
    await expect(open(fileSystem, { masterKey: old })).rejects.toMatchObject({
      code: "master_key_wrong",
    });
    const next = await open(fileSystem);
    expect(await next.slots.key(1)).toEqual(key);
    expect(next.rotations).toBe(1);
  });

  it("from outside is replaced in two steps: the old one opens until the new one was used", async () => {
    const fileSystem = new MemoryFileSystem();
    const [old, fresh] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const vault = await open(fileSystem, { masterKey: old });
    await vault.rotate(fresh);
    expect((await open(fileSystem, { masterKey: old })).rotations).toBe(1);
    expect((await open(fileSystem, { masterKey: fresh })).rotations).toBe(1);
    await expect(open(fileSystem, { masterKey: old })).rejects.toMatchObject({
      code: "master_key_wrong",
    });
  });

  it("may be replaced, or made, in the very moment the power goes", async () => {
    const states: SimulatedDisk[] = [];
    const random = new SeededRandom(7);
    const disk: SimulatedDisk = new SimulatedDisk({
      onChange: () => {
        for (let state = 0; state < 4; state++) states.push(disk.crash(random));
      },
    });
    const vault = await open(disk);
    const key = await vault.slots.key(await vault.slots.take());
    const made = states.length;
    await vault.rotate(OTHER_KEY);
    expect(states.length).toBeGreaterThan(made + 20);
    for (const state of states.slice(made)) {
      expect(await (await open(state, {}, 3)).slots.key(1)).toEqual(key);
    }
    for (const state of states.slice(0, made)) await (await open(state, {}, 3)).slots.take();
  });

  it("may be written in hexadecimal or base64, and a bad one is not repeated in the refusal", () => {
    const key = new Uint8Array(Buffer.from("00ff".repeat(16), "hex"));
    expect(parseMasterKey(` ${"00FF".repeat(16)}\n`, "x")).toEqual(key);
    expect(parseMasterKey(Buffer.from(key).toString("base64"), "x")).toEqual(key);
    for (const bad of ["", "00ff", "z".repeat(64), "secret-secret"]) {
      let message = "";
      try {
        parseMasterKey(bad, "INSULA_MASTER_KEY");
      } catch (error) {
        message = error instanceof Error ? error.message : "";
      }
      expect(message).toContain("INSULA_MASTER_KEY");
      if (bad !== "") expect(message).not.toContain(bad);
    }
  });
});
