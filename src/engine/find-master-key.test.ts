import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { findMasterKey } from "./find-master-key.ts";

const HEX = "0f".repeat(32);
const BYTES = new Uint8Array(32).fill(15);
const folder = mkdtempSync(join(tmpdir(), "insula-master-"));
const file = join(folder, "key");
writeFileSync(file, `${HEX}\n`);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("the master key", () => {
  it("is none without a source", async () => {
    expect(await findMasterKey({})).toBeUndefined();
  });

  it("comes as hexadecimal digits, as base64, of a file, and of a command", async () => {
    const base64 = Buffer.from(BYTES).toString("base64");
    expect(await findMasterKey({ masterKey: HEX })).toEqual(BYTES);
    expect(await findMasterKey({ masterKey: base64 })).toEqual(BYTES);
    expect(await findMasterKey({ masterKeyFile: file })).toEqual(BYTES);
    expect(await findMasterKey({ masterKeyCommand: `echo ${HEX}` })).toEqual(BYTES);
  });

  const secret = "this-is-not-a-key-but-secret";
  it.each([
    [{ masterKey: HEX, masterKeyFile: file }, /two master keys/],
    [{ masterKey: secret }, /64 hexadecimal digits/],
    [{ masterKeyFile: join(folder, "nowhere") }, /nowhere: ENOENT. Nothing was changed/],
    [{ masterKeyCommand: `echo ${secret}` }, /masterKeyCommand.*28 characters/],
    [{ masterKeyCommand: `echo ${secret}; exit 3` }, /ended with 3/],
    [{ masterKeyCommand: "head -c 100000 /dev/zero" }, /too much output/],
  ])("is refused for %j without a word of it", async (source, message) => {
    const refused = findMasterKey(source);
    await expect(refused).rejects.toMatchObject({ code: "setting_invalid" });
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.not.toThrow(secret);
    const error: unknown = await refused.catch((caught: unknown) => caught);
    expect(inspect(error, { depth: 5 })).not.toContain(secret);
  });
});
