/** What a server is like that nobody has told anything, and how its admin secret is made anew. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KeyCaller } from "../support/key-caller.ts";

const folder = mkdtempSync(path.join(tmpdir(), "insula-defaults-"));
/** The default of the setting, in the folder the server is started in. */
const dataDir = path.join(folder, "insula-data");
const SOURCES = ["--import", import.meta.resolve("tsx"), path.resolve("src/cli/main.ts")];
/** Only the port is not the default, which another server of the machine may have. */
const VARIABLES = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/INSULA|OSS_/.test(name))),
  INSULA_HTTP_PORT: "0",
};

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  readonly printed: { text: string };
}

function start(): Promise<Running> {
  const child = spawn(process.execPath, [...SOURCES, "serve"], { cwd: folder, env: VARIABLES });
  const printed = { text: "" };
  return new Promise((resolve, reject) => {
    child.once("close", () => {
      reject(new Error(printed.text));
    });
    const read = (part: Buffer): void => {
      printed.text += part.toString();
      const url = /http:\/\/[\d.]+:\d+/.exec(printed.text)?.[0];
      const isAnnounced = printed.text.includes("Ctrl-C stops.");
      if (url !== undefined && isAnnounced) resolve({ child, url, printed });
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
  });
}

async function stop({ child }: Running): Promise<void> {
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGTERM");
  await ended;
}

function insula(...words: string[]): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...SOURCES, ...words], {
    cwd: folder,
    env: VARIABLES,
    encoding: "utf8",
  });
  return { status, text: stdout + stderr };
}

function adminSecret(): { readonly id: string; readonly secret: string } {
  return JSON.parse(readFileSync(path.join(dataDir, "admin-secret"), "utf8")) as {
    id: string;
    secret: string;
  };
}

let server: Running;
beforeAll(async () => {
  server = await start();
});
afterAll(async () => {
  await stop(server);
  rmSync(folder, { recursive: true });
});

describe("a server without configuration", () => {
  test.runIf(process.platform === "linux")("listens on loopback alone and calls nobody", () => {
    const sockets = socketsOf(server.child.pid ?? 0);
    expect(sockets.filter(({ state }) => state === "listening").length).toBeGreaterThan(0);
    expect(sockets.filter(({ local }) => !isLoopback(local))).toEqual([]);
    expect(
      sockets.filter(({ remote, state }) => state !== "listening" && !isLoopback(remote)),
    ).toEqual([]);
  });

  test("makes a secret, prints once where it is, and never what it is", async () => {
    const { secret } = adminSecret();
    expect(secret).toMatch(/^[\w-]{40}$/);
    expect(server.printed.text).toMatch(/Admin secret \(made just now\): .*admin-secret/);
    await stop(server);
    expect(server.printed.text).not.toContain(secret);
    server = await start();
    expect(server.printed.text).toMatch(/Admin secret \(as before\)/);
    expect(adminSecret().secret).toBe(secret);
  });

  test.runIf(process.platform !== "win32")("keeps its files for its user alone", async () => {
    const { id, secret } = adminSecret();
    const admin = new KeyCaller(server.url, { id, secret, accountId: "1000000000000001" });
    expect((await admin.native("POST", "databases", { name: "d" })).status).toBe(201);
    const made = { name: "c", dimension: 2, tenancy: "multi" };
    expect((await admin.native("POST", "databases/d/collections", made)).status).toBe(201);
    const records = { records: [{ key: "a", vector: [1, 0] }] };
    const at = "databases/d/collections/c/tenants/t/records/upsert";
    expect((await admin.native("POST", at, records)).status).toBe(200);
    const exposed = ["", ...readdirSync(dataDir, { recursive: true, encoding: "utf8" })]
      .map((name) => ({ name, info: statSync(path.join(dataDir, name)) }))
      .filter(({ info }) => !info.isSocket())
      .map(({ name, info }) => [name, info.isDirectory() ? "d" : "f", info.mode & 0o777])
      .filter(([, kind, mode]) => mode !== (kind === "d" ? 0o700 : 0o600));
    expect(exposed).toEqual([]);
  });

  test("does not open itself to pages of other origins", async () => {
    const preflight = {
      origin: "https://elsewhere.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
    };
    for (const at of ["/", "/insula/v1/databases", "/QueryVectors", "/healthz", "/openapi.json"]) {
      for (const method of ["OPTIONS", "GET", "POST"]) {
        const answer = await fetch(server.url + at, { method, headers: preflight });
        await answer.arrayBuffer();
        const opened = [...answer.headers.keys()].filter((name) =>
          name.startsWith("access-control-"),
        );
        expect([method, at, opened]).toEqual([method, at, []]);
      }
    }
  });

  test("lets nobody in without a key", async () => {
    for (const key of [
      { id: "", secret: "" },
      { id: "admin", secret: "admin" },
    ]) {
      const nobody = new KeyCaller(server.url, { ...key, accountId: "1000000000000001" });
      const statuses = [
        (await nobody.native("GET", "databases")).status,
        (await nobody.s3("ListVectorBuckets")).status,
        (await nobody.oss("bucket", "bucketInfo", undefined, "GET")).status,
      ];
      expect(statuses).toEqual([401, 403, 403]);
    }
    const bare = await fetch(`${server.url}/insula/v1/databases`);
    expect(bare.status).toBe(401);
  });
});

describe("the admin secret made anew", () => {
  test("is refused while a server has the folder", () => {
    const before = adminSecret();
    const { status, text } = insula("keys", "reset-admin");
    expect(status).toBe(4);
    expect(text).toContain("another process is using it");
    expect(adminSecret()).toEqual(before);
    expect(insula("keys", "reset-admin", "--url", server.url).status).toBe(2);
  });

  test("holds from the next start on; other keys stay", async () => {
    const before = adminSecret();
    const { id } = before;
    const accountId = "1000000000000001";
    const made = await new KeyCaller(server.url, { ...before, accountId }).native("POST", "keys", {
      grants: [{ actions: ["read"], databases: ["*"] }],
    });
    expect(made.status).toBe(201);
    await stop(server);
    const reset = insula("keys", "reset-admin");
    expect(reset.status).toBe(0);
    const after = adminSecret();
    expect(after.id).toBe(id);
    expect(reset.text).not.toContain(after.secret);
    server = await start();
    const statusOf = async (key: { id: string; secret: string }): Promise<number> =>
      (await new KeyCaller(server.url, { ...key, accountId }).native("GET", "caller")).status;
    expect(await statusOf(before)).toBe(401);
    expect(await statusOf(after)).toBe(200);
    expect(await statusOf(made.json as { id: string; secret: string })).toBe(200);
  });
});

interface Socket {
  readonly local: string;
  readonly remote: string;
  readonly state: string;
}

/** Sockets of TCP that a process has open. */
function socketsOf(pid: number): readonly Socket[] {
  const folder = `/proc/${String(pid)}`;
  const inodes = new Set(
    readdirSync(`${folder}/fd`).flatMap((name) => {
      const target = readlinkSync(`${folder}/fd/${name}`);
      return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
    }),
  );
  return ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`${folder}/net/${table}`, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((cells) => inodes.has(cells[9] ?? ""))
      .map(([, local = "", remote = "", state = ""]) => ({
        local,
        remote,
        state: state === "0A" ? "listening" : state,
      })),
  );
}

/** 127.0.0.0/8 in the byte order of the table, or ::1. */
function isLoopback(address: string): boolean {
  const [host = ""] = address.split(":");
  return host.length === 8
    ? host.endsWith("7F")
    : host === "00000000000000000000000001000000" || /^0{16}FFFF0000.{6}7F$/.test(host);
}
