/**
 * Doors for tests of programs that use the library: time, chance and files in memory, and faults.
 */
export {
  CountingFileSystem,
  FaultyFileSystem,
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
  SimulatedDisk,
} from "./io/index.ts";
export { openEngine, type EngineOptions } from "./engine/index.ts";
