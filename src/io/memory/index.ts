/** Bodies that live in memory: for tests, for the simulation, for databases without a folder. */
export { MemoryFileSystem } from "./file-system.ts";
export { ManualClock } from "./manual-clock.ts";
export { MemoryObjectStore } from "./object-store.ts";
export { SeededRandom } from "./seeded-random.ts";
export type { SimulatedDiskOptions } from "./simulated-disk.ts";
export { SimulatedDisk } from "./simulated-disk.ts";
