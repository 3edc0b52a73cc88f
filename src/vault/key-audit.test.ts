import { expect, it } from "vitest";
import { InsulaError } from "../base/errors.ts";
import type { FileSystem } from "../io/index.ts";
import { auditKeyFiles, type AuditedKeyFile } from "./key-audit.ts";

const KNOWN = {
  masterKey: new Uint8Array(32),
  root: { key: new Uint8Array(32), folder: new Uint8Array(16), rotations: 0 },
  isOwnMaster: true,
};

async function auditWith(error: InsulaError): Promise<readonly AuditedKeyFile[]> {
  const files: Pick<FileSystem, "readWhole" | "listFolder"> = {
    readWhole: () => Promise.reject(error),
    listFolder: () => Promise.resolve([]),
  };
  const found: AuditedKeyFile[] = [];
  for await (const file of auditKeyFiles(files, KNOWN)) found.push(file);
  return found;
}

it.each(["io_failed", "disk_full"] as const)(
  "a read that fails with %s is no damage of the key",
  async (code) => {
    await expect(auditWith(new InsulaError(code, "Cannot read."))).rejects.toMatchObject({ code });
  },
);

it("a key that is missing or another is damage, and the next file is looked at too", async () => {
  const files: Pick<FileSystem, "readWhole" | "listFolder"> = {
    readWhole: () => Promise.resolve(undefined),
    listFolder: () => Promise.resolve([]),
  };
  const reasons: (string | undefined)[] = [];
  for await (const { reason } of auditKeyFiles(files, KNOWN)) reasons.push(reason);
  expect(reasons).toEqual([
    "it is missing or another key: no start would open the data",
    "it is missing: no start would open the data",
  ]);
});
