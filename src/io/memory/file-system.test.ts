import { describeFileSystem } from "../file-system.contract.ts";
import { MemoryFileSystem } from "./file-system.ts";

describeFileSystem("the one in memory", () => Promise.resolve(new MemoryFileSystem()));
