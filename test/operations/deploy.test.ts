/** The files of deploy/: that what they name is there, and that a server takes their settings. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig, STOP_DEADLINE_MS } from "../../src/server/index.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const read = (name: string): string => readFileSync(path.join(ROOT, name), "utf8");
/** Lines of a file without remarks; a backslash at the end goes on. */
const linesOf = (name: string): readonly string[] =>
  read(name)
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));

const SETTINGS = /\bINSULA_[A-Z_]+=\S+/g;

function environmentOf(lines: readonly string[]): Record<string, string> {
  const pairs = lines.flatMap((line) => line.match(SETTINGS) ?? []);
  return Object.fromEntries(pairs.map((pair) => pair.split("=") as [string, string]));
}

describe("the unit for systemd", () => {
  const lines = linesOf("deploy/insula.service");
  const valuesOf = (name: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1));

  test("starts our command with settings a server takes, in the folder systemd makes", () => {
    expect(valuesOf("ExecStart")).toEqual(["/usr/bin/env insula serve"]);
    const { bin } = JSON.parse(read("package.json")) as { bin: Record<string, string> };
    expect(Object.keys(bin)).toEqual(["insula"]);
    const environment = environmentOf(lines);
    expect(loadConfig({ environment }).dataDir).toBe(
      `/var/lib/${valuesOf("StateDirectory")[0] ?? ""}`,
    );
  });

  test("gives a stop more time than the server takes", () => {
    expect(Number(valuesOf("TimeoutStopSec")[0]) * 1_000).toBeGreaterThan(STOP_DEADLINE_MS);
    expect(valuesOf("KillSignal")).toEqual(["SIGTERM"]);
  });

  test("runs as nobody else, without rights, and can make its lock, a socket", () => {
    expect(valuesOf("DynamicUser")).toEqual(["yes"]);
    expect(valuesOf("NoNewPrivileges")).toEqual(["yes"]);
    expect(valuesOf("CapabilityBoundingSet")).toEqual([""]);
    expect(valuesOf("ProtectSystem")).toEqual(["strict"]);
    expect(valuesOf("RestrictAddressFamilies")[0]).toContain("AF_UNIX");
  });

  test("is what systemd itself accepts, where there is one to ask", () => {
    const found = spawnSync("systemd-analyze", ["verify", "deploy/insula.service"], { cwd: ROOT });
    const isThere = found.error === undefined;
    expect([found.status, found.stderr?.toString()]).toEqual(isThere ? [0, ""] : [null, undefined]);
  });
});

describe("the container file", () => {
  const lines = linesOf("deploy/Containerfile");
  const wordsOf = (name: string): readonly (readonly string[])[] =>
    lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.split(/\s+/).slice(1));

  test("copies what is there, and what the ignore file lets through", () => {
    const allowed = linesOf("deploy/Containerfile.dockerignore").filter((line) =>
      line.startsWith("!"),
    );
    const sources = wordsOf("COPY")
      .filter(([first]) => first?.startsWith("--from") === false)
      .flatMap((words) => words.slice(0, -1));
    expect(sources.length).toBeGreaterThan(4);
    for (const source of sources) {
      expect(existsSync(path.join(ROOT, source))).toBe(true);
      expect(allowed).toContain(`!${source}`);
    }
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    expect(scripts).toHaveProperty("build");
  });

  test("is of Node 24, for a user that is not root, with settings a server takes", () => {
    const images = wordsOf("FROM").map(([image]) => image ?? "");
    expect(images).toHaveLength(2);
    for (const image of images) expect(image).toMatch(/\/node:24-/);
    expect(wordsOf("USER")).toEqual([["10001:10001"]]);
    const config = loadConfig({ environment: environmentOf(lines) });
    expect(config).toMatchObject({ dataDir: "/data", host: "0.0.0.0", httpPort: 8_080 });
    expect(wordsOf("VOLUME")).toEqual([["/data"]]);
    expect(wordsOf("EXPOSE")).toEqual([["8080"]]);
  });

  test("has an entry, a command and a health check that our command knows", () => {
    const commands = lines.flatMap(
      (line) => /^(?:ENTRYPOINT|CMD|HEALTHCHECK .*CMD) (.*)$/.exec(line)?.[1] ?? [],
    );
    expect(commands.map((text) => JSON.parse(text) as unknown)).toEqual([
      ["insula", "health"],
      ["insula"],
      ["serve"],
    ]);
    const help = execFileSync(process.execPath, [
      ...["--import", "tsx"],
      path.join(ROOT, "src/cli/main.ts"),
      "--help",
    ]).toString();
    expect(help).toMatch(/^ {2}serve/m);
    expect(help).toMatch(/^ {2}health/m);
  });

  test("is run by the compose file with nothing but the volume to write to", () => {
    const text = read("deploy/compose.yaml");
    expect(text).toContain("dockerfile: deploy/Containerfile");
    expect(text).toContain("read_only: true");
    expect(text).toContain("cap_drop: [ALL]");
    expect(text).toContain("no-new-privileges:true");
    expect(text).toContain('volumes: ["data:/data"]');
    expect(Number(/stop_grace_period: (\d+)s/.exec(text)?.[1]) * 1_000).toBeGreaterThan(
      STOP_DEADLINE_MS,
    );
  });
});
