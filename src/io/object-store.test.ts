import { describe, expect, it } from "vitest";
import { MemoryFileSystem } from "./memory/file-system.ts";
import { MemoryObjectStore } from "./memory/object-store.ts";
import { FolderObjectStore } from "./node/object-store.ts";
import { describeObjectStore } from "./object-store.contract.ts";

async function makeFolderStore(): Promise<FolderObjectStore> {
  const fileSystem = new MemoryFileSystem();
  await fileSystem.makeFolder("objects");
  return new FolderObjectStore(fileSystem, "objects");
}

describeObjectStore("the one in memory", () => Promise.resolve(new MemoryObjectStore()));
describeObjectStore("the one in a folder", makeFolderStore);

describe("FolderObjectStore", () => {
  it("refuses a key that would not fit into a file name", async () => {
    const store = await makeFolderStore();
    const put = store.put(`a/${"x".repeat(241)}`, new Uint8Array(1));
    await expect(put).rejects.toMatchObject({ code: "argument_invalid" });
  });
});
