import { Command } from "commander";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SETTINGS } from "../../server/index.ts";
import { addConfigCommand } from "./config-command.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-config-"));
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

async function run(...words: string[]): Promise<string> {
  const program = new Command("insula")
    .option("--data-dir <path>", "data folder", "./insula-data")
    .option("--json", "JSON");
  addConfigCommand(program);
  program.commands[0]?.exitOverride();
  let text = "";
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    await program.parseAsync(["node", "insula", "config", ...words]);
  } finally {
    vi.restoreAllMocks();
  }
  return text;
}

describe("insula config", () => {
  it("prints every setting with its spellings, its value and where that comes from", async () => {
    const file = path.join(folder, "insula.json");
    writeFileSync(file, JSON.stringify({ logLevel: "warn", host: "::1" }));
    vi.stubEnv("INSULA_HOST", "0.0.0.0");
    const rows = JSON.parse(
      await run("--json", "--config", file, "--http-port", "9", "--data-dir", "x"),
    ) as Record<string, string>[];
    expect(rows.map(({ name }) => name)).toEqual(SETTINGS.map(({ name }) => name));
    const of = (name: string) => rows.find((row) => row["name"] === name);
    expect(of("httpPort")).toMatchObject({ value: "9", source: "--http-port", default: "8080" });
    expect(of("dataDir")).toMatchObject({ value: "x", source: "--data-dir" });
    expect(of("host")).toMatchObject({ value: "0.0.0.0", source: "INSULA_HOST" });
    expect(of("logLevel")).toMatchObject({ value: "warn", source: `logLevel in ${file}` });
    expect(of("ossQuotas")).toMatchObject({ value: "off", source: "default" });
    const text = await run("--http-port", "9");
    for (const { flag, variable } of SETTINGS) {
      expect(text).toContain(flag);
      expect(text).toContain(variable);
    }
  });

  it("hides secrets, also in the table for people", async () => {
    vi.stubEnv("INSULA_ADMIN_SECRET", "hush-hush-hush");
    expect(await run("--json")).not.toContain("hush-hush");
    const text = await run();
    expect(text).not.toContain("hush-hush");
    expect(text).toContain("[secret]");
  });

  it("refuses what a start would refuse", async () => {
    vi.stubEnv("INSULA_HTTP_PROT", "1");
    await expect(run()).rejects.toThrow(/INSULA_HTTP_PROT.*Did you mean INSULA_HTTP_PORT\?/);
    vi.unstubAllEnvs();
    await expect(run("--log-level", "loud")).rejects.toThrow(/--log-level.*"loud"/);
  });
});
