import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { describeFileSystem } from "../file-system.contract.ts";
import { NodeFileSystem } from "./file-system.ts";

const roots: string[] = [];
function freshRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "insula-io-"));
  roots.push(root);
  return root;
}

afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

describeFileSystem("the real one", () => Promise.resolve(new NodeFileSystem(freshRoot())));

describe("NodeFileSystem", () => {
  it("keeps data from other users of the machine", async () => {
    const root = freshRoot();
    const fileSystem = new NodeFileSystem(root);
    await fileSystem.makeFolder("a");
    await (await fileSystem.create("a/b")).close();
    await (await fileSystem.openSynced("a/c")).close();
    expect(statSync(join(root, "a")).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, "a/b")).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, "a/c")).mode & 0o777).toBe(0o600);
  });

  it("refuses a path that leaves the root", async () => {
    const fileSystem = new NodeFileSystem(freshRoot());
    await expect(fileSystem.readWhole("../x")).rejects.toMatchObject({ code: "invariant_broken" });
  });

  it("answers disk_full when the device has no room", async () => {
    const fileSystem = new NodeFileSystem("/dev");
    const file = await fileSystem.openSynced("full");
    await expect(file.writeAndSync(0, [new Uint8Array(10)])).rejects.toMatchObject({
      code: "disk_full",
    });
    await file.close();
  });

  it.runIf(process.platform === "linux")("keeps a synced file dead after one failure", async () => {
    const fileSystem = new NodeFileSystem("/dev");
    const file = await fileSystem.openSynced("full");
    const both = [file.writeAndSync(0, [new Uint8Array(10)]), file.writeAndSync(0, [])];
    const results = await Promise.allSettled(both);
    expect(results.map((result) => result.status)).toEqual(["rejected", "rejected"]);
    await expect(file.writeAndSync(0, [])).rejects.toMatchObject({ kind: "resource_exhausted" });
    await file.close();
  });

  it("ends what is being read of a file before it is closed, and reads nothing after", async () => {
    const fileSystem = new NodeFileSystem(freshRoot());
    const bytes = new Uint8Array(4_000_000).fill(7);
    await fileSystem.replaceWhole("a", bytes);
    const file = await fileSystem.openRead("a");
    const ended: (number | undefined)[] = [];
    for (let i = 0; i < 8; i++) {
      void file?.read(0, new Uint8Array(bytes.length)).then((count) => ended.push(count));
    }
    const closed = Promise.all([file?.close(), file?.close()]);
    await expect(file?.read(0, new Uint8Array(1))).rejects.toMatchObject({ code: "io_failed" });
    await closed;
    expect(ended).toEqual(Array.from({ length: 8 }, () => bytes.length));
    await expect(file?.read(0, new Uint8Array(1))).rejects.toMatchObject({ code: "io_failed" });
  });

  it("locks a folder whose path is too long for a socket", async () => {
    const fileSystem = new NodeFileSystem(freshRoot());
    const folder = `${"d".repeat(100)}/${"e".repeat(100)}`;
    await fileSystem.makeFolder(folder);
    const lock = await fileSystem.lock(folder);
    await expect(fileSystem.lock(folder)).rejects.toMatchObject({ code: "data_folder_locked" });
    await lock.release();
    expect(await fileSystem.listFolder(folder)).toEqual([]);
  });

  it("takes over the lock of a killed process, and not that of a living one", async () => {
    const root = freshRoot();
    const fileSystem = new NodeFileSystem(root);
    const script =
      `import { NodeFileSystem } from ${JSON.stringify(new URL("./file-system.ts", import.meta.url).href)};` +
      `await new NodeFileSystem(${JSON.stringify(root)}).lock("");` +
      `console.log("held"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script]);
    await new Promise((resolve) => child.stdout.once("data", resolve));
    await expect(fileSystem.lock("")).rejects.toMatchObject({ code: "data_folder_locked" });
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    expect(await fileSystem.listFolder("")).toEqual(["lock.sock"]);
    const rivals = await Promise.allSettled([fileSystem.lock(""), fileSystem.lock("")]);
    const winners = rivals.filter((rival) => rival.status === "fulfilled");
    expect(winners).toHaveLength(1);
    for (const winner of winners) await winner.value.release();
    expect(await fileSystem.listFolder("")).toEqual([]);
  });

  it("lets a script end that leaves a synced file and a lock open", async () => {
    const root = freshRoot();
    const script =
      `import { NodeFileSystem } from ${JSON.stringify(new URL("./file-system.ts", import.meta.url).href)};` +
      `const f = new NodeFileSystem(${JSON.stringify(root)}); await f.lock("");` +
      `const file = await f.openSynced("log"); await file.writeAndSync(0, [new Uint8Array(5)]);` +
      `console.log("written");`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script]);
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0);
    expect(output).toBe("written\n");
  });
});
