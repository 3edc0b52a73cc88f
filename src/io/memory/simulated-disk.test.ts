import { describe, expect, it } from "vitest";
import { describeFileSystem } from "../file-system.contract.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

describeFileSystem("the simulated disk", () => Promise.resolve(new SimulatedDisk()));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What a file may hold after a crash, over many seeds. */
async function statesOf(disk: SimulatedDisk, path: string): Promise<Set<string>> {
  const states = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const content = await disk.crash(new SeededRandom(seed)).readWhole(path);
    states.add(content === undefined ? "none" : new TextDecoder().decode(content));
  }
  return states;
}

describe("SimulatedDisk", () => {
  it("keeps what was synced, file and name", async () => {
    const disk = new SimulatedDisk();
    await disk.replaceWhole("a", bytes("kept"));
    expect(await statesOf(disk, "a")).toEqual(new Set(["kept"]));
  });

  it("may lose a synced file whose name was not synced", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.create("a");
    await file.write(0, bytes("x"));
    await file.sync();
    expect(await statesOf(disk, "a")).toEqual(new Set(["none", "x"]));
  });

  it("may keep, lose or tear what was not synced, and grow the file with zeros", async () => {
    const disk = new SimulatedDisk();
    await disk.replaceWhole("a", bytes("old"));
    const file = await disk.openWrite("a");
    await file.write(3, bytes("N".repeat(1021)));
    const states = await statesOf(disk, "a");
    expect(states).toContain("old");
    expect(states).toContain(`old${"N".repeat(1021)}`);
    expect(states).toContain(`old${"N".repeat(509)}`);
    expect(states).toContain(`old${"\0".repeat(509)}${"N".repeat(512)}`);
    expect([...states].some((state) => /^old\0+$/.test(state))).toBe(true);
  });

  it("may keep or lose what was cut off and not synced", async () => {
    const disk = new SimulatedDisk();
    await disk.replaceWhole("a", Buffer.from("old and long"));
    await disk.syncFolder("");
    await disk.truncate("a", 3);
    const states = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const bytes = await disk.crash(new SeededRandom(seed)).readWhole("a");
      states.add(Buffer.from(bytes ?? []).toString());
    }
    expect(states).toEqual(new Set(["old", "old and long"]));
  });

  it("applies a rename in one folder as a whole or not at all", async () => {
    const disk = new SimulatedDisk();
    await disk.replaceWhole("a", bytes("old"));
    await disk.replaceWhole("b", bytes("new"));
    await disk.rename("b", "a");
    const states = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const after = disk.crash(new SeededRandom(seed));
      states.add(
        `${String(await after.exists("b"))} ${String((await after.readWhole("a"))?.length)}`,
      );
      const content = new TextDecoder().decode(await after.readWhole("a"));
      expect(await after.exists("b")).toBe(content === "old");
    }
    expect(states.size).toBe(2);
  });

  it("never loses a file that is renamed into another folder", async () => {
    const disk = new SimulatedDisk();
    await disk.makeFolder("s");
    await disk.makeFolder("t");
    await disk.syncFolder("");
    await disk.replaceWhole("s/x", bytes("1"));
    await disk.rename("s/x", "t/x");
    const places = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const after = disk.crash(new SeededRandom(seed));
      places.add(`${String(await after.exists("s/x"))} ${String(await after.exists("t/x"))}`);
    }
    expect(places).toEqual(new Set(["true false", "true true", "false true"]));
  });

  it("loses what lies in a folder whose own name was not synced", async () => {
    const disk = new SimulatedDisk();
    await disk.makeFolder("d");
    await disk.replaceWhole("d/x", bytes("1"));
    expect(await statesOf(disk, "d/x")).toEqual(new Set(["none", "1"]));
    await disk.syncFolder("");
    expect(await statesOf(disk, "d/x")).toEqual(new Set(["1"]));
  });

  it("draws the same state from the same seed", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.create("a");
    await file.write(0, new Uint8Array(20_000).fill(7));
    await disk.syncFolder("");
    for (let seed = 0; seed < 20; seed++) {
      const first = await disk.crash(new SeededRandom(seed)).readWhole("a");
      expect(await disk.crash(new SeededRandom(seed)).readWhole("a")).toEqual(first);
    }
  });
});
