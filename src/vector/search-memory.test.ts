import { expect, it } from "vitest";
import { ArenaPool, KERNELS_FILE, loadKernelModule, SCRATCH_BYTES } from "../math/index.ts";
import { readProgramFile } from "../io/index.ts";
import { IDLE_SCANNERS_MAX, SearchMemory } from "./search-memory.ts";

async function open(): Promise<{ memory: SearchMemory; arena: number; usedBytes: () => number }> {
  const arenas = new ArenaPool({ bytesMax: 64 * 1024 * 1024 });
  const module = loadKernelModule(await readProgramFile(KERNELS_FILE));
  const memory = new SearchMemory(module, arenas);
  const { arena } = arenas.allocate(4_096);
  return { memory, arena, usedBytes: () => arenas.usedBytes };
}

it("of a burst of searches only the scratch of a few is kept, and it is used again", async () => {
  const { memory, arena, usedBytes } = await open();
  const before = usedBytes();
  const burst = Array.from({ length: IDLE_SCANNERS_MAX + 12 }, () => memory.lease(arena));
  const one = (usedBytes() - before) / burst.length;
  expect(one).toBeGreaterThanOrEqual(SCRATCH_BYTES);
  for (const leased of burst) memory.giveBack(leased);
  expect(usedBytes() - before).toBe(IDLE_SCANNERS_MAX * one);
  memory.giveBack(memory.lease(arena));
  expect(usedBytes() - before).toBe(IDLE_SCANNERS_MAX * one);
});

it("when memory has run out, what is idle is freed and what is leased stays", async () => {
  const { memory, arena, usedBytes } = await open();
  const before = usedBytes();
  const [first, second] = [memory.lease(arena), memory.lease(arena)];
  memory.giveBack(first);
  memory.releaseIdle();
  expect(usedBytes() - before).toBeGreaterThanOrEqual(SCRATCH_BYTES);
  memory.giveBack(second);
  memory.releaseIdle();
  memory.releaseIdle();
  expect(usedBytes()).toBe(before);
});
