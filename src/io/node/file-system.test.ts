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

  it("ends many reads together, also when one cannot even begin", async () => {
    const fileSystem = new NodeFileSystem(freshRoot());
    await fileSystem.replaceWhole("a", new Uint8Array(4_000_000).fill(97));
    const file = await fileSystem.openRead("a");
    const target = new Uint8Array(4_000_000);
    const pieces = [
      { position: 0, target },
      { position: 0.5, target: new Uint8Array(1) },
    ];
    await expect(file?.readMany(pieces)).rejects.toMatchObject({ code: "io_failed" });
    // Nothing is written any more, and nobody uses the file.
    expect(target.at(-1)).toBe(97);
    await file?.close();
  });

  it("lets reads under way end before it closes a file, and refuses later ones", async () => {
    const fileSystem = new NodeFileSystem(freshRoot());
    for (const name of ["a", "b"]) {
      await fileSystem.replaceWhole(name, new Uint8Array(4_000_000).fill(name.charCodeAt(0)));
    }
    const a = await fileSystem.openRead("a");
    const targets = Array.from({ length: 12 }, () => new Uint8Array(4_000_000));
    const ended: string[] = [];
    const reads = targets.map(async (target) => {
      const count = await a?.read(0, target);
      ended.push("read");
      return count;
    });
    // The next file that is opened gets the descriptor of the one that was closed.
    const b = (a?.close() ?? Promise.resolve()).then(() => {
      ended.push("close");
      return fileSystem.openRead("b");
    });
    expect(await Promise.all(reads)).toEqual(targets.map(() => 4_000_000));
    for (const target of targets) expect(target.every((byte) => byte === 97)).toBe(true);
    await b.then((file) => file?.close());
    expect(ended).toEqual([...targets.map(() => "read"), "close"]);
    const late = { code: "io_failed", details: { systemCode: "EBADF" } };
    await expect(a?.read(0, new Uint8Array(1))).rejects.toMatchObject(late);
    await expect(a?.size()).rejects.toMatchObject(late);
    expect(() => a?.readNow(0, new Uint8Array(1))).toThrow("the file is closed");
    await a?.close();
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
