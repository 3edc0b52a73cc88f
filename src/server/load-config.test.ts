import { describe, expect, test } from "vitest";
import { CONFIG_SCHEMA, SETTINGS, toFlag, toVariable } from "./config.ts";
import { explainConfig, loadConfig, parseFlags } from "./load-config.ts";

const file = (value: unknown) => ({
  flags: { config: "insula.json" },
  readFile: () => (typeof value === "string" ? value : JSON.stringify(value)),
});

test("without any configuration the server is reachable from this machine only", () => {
  expect(loadConfig({})).toEqual({
    dataDir: "./insula-data",
    host: "127.0.0.1",
    httpPort: 8080,
    accountId: "1000000000000001",
    ossQuotas: "off",
    pineconeReadUnits: "size",
    connectionsMax: 10_000,
    requestTimeoutMs: 30_000,
    logLevel: "info",
    metricsTenants: 0,
    scrubRate: 8_388_608,
    recallProbeShare: 0.001,
    mirrorIntervalMs: 5_000,
    mirrorRetentionMs: 86_400_000,
    offloadGraceMs: 3_600_000,
    embedder: "built-in",
    reranker: "off",
    encryption: "on",
    auditLog: "off",
  });
});

test("flags come before the environment, the environment before the file, the file before defaults", () => {
  const values = { host: "file", dataDir: "file", publicDomain: "file.test", logLevel: "warn" };
  const config = loadConfig({
    ...file(values),
    environment: { INSULA_HOST: "env", INSULA_DATA_DIR: "env", INSULA_CONFIG: "other", PATH: "x" },
    flags: { config: "insula.json", host: "flag" },
  });
  expect(config).toMatchObject({
    host: "flag",
    dataDir: "env",
    publicDomain: "file.test",
    logLevel: "warn",
    httpPort: 8080,
  });
});

test("every setting has its flag and variable from its name, and takes its default as text", () => {
  for (const { name, flag, variable, fallback } of SETTINGS) {
    expect([flag, variable]).toEqual([toFlag(name), toVariable(name)]);
    if (fallback === undefined) continue;
    const value = loadConfig({ environment: { [variable]: fallback } })[name];
    expect(String(value)).toBe(fallback);
    expect(loadConfig({})[name]).toBe(value);
  }
  expect(toFlag("tlsCert")).toBe("--tls-cert");
  expect(toVariable("dataDir")).toBe("INSULA_DATA_DIR");
});

test("the schema and the table of settings name the same settings", () => {
  for (const { name } of SETTINGS) {
    const result = CONFIG_SCHEMA.safeParse({ [name]: { no: "such value" } });
    expect(result.error?.issues[0]?.path[0]).toBe(name);
  }
  const known = new Set<string>(SETTINGS.map(({ name }) => name));
  for (const name of Object.keys(loadConfig({}))) expect(known).toContain(name);
});

test.each([
  ["0", 0],
  ["off", "off"],
  ["65535", 65_535],
])("the port %s is %s", (text, value) => {
  expect(loadConfig({ flags: { httpPort: text } }).httpPort).toBe(value);
});

test("a range of ports for indexes is read, at most 1,000 of them", () => {
  const indexPorts = "9000-9999";
  expect(loadConfig({ flags: { indexPorts } }).indexPorts).toBe(indexPorts);
  expect(loadConfig({ environment: { INSULA_INDEX_PORTS: "1-1" } }).indexPorts).toBe("1-1");
});

test.each([
  ["268435456", 268_435_456],
  ["512MiB", 536_870_912],
  ["2GiB", 2_147_483_648],
])("the memory budget %s is %d bytes", (text, value) => {
  expect(loadConfig({ environment: { INSULA_MEMORY_BUDGET: text } }).memoryBudget).toBe(value);
});

test.each([
  ["1048576", 1_048_576],
  ["64MiB", 67_108_864],
  ["64GiB", 68_719_476_736],
])("merges may read and write %s, which is %d bytes, a second", (text, value) => {
  const environment = { INSULA_COMPACTION_BYTES_PER_SECOND: text };
  expect(loadConfig({ environment }).compactionBytesPerSecond).toBe(value);
});

test("an empty variable counts as not set", () => {
  expect(loadConfig({ environment: { INSULA_HTTP_PORT: "" } }).httpPort).toBe(8080);
});

describe("refusals name the source, what is expected and what was received", () => {
  test.each([
    [{ flags: { indexPorts: "9000" } }, /--index-ports.*FIRST-LAST.*"9000"/],
    [{ flags: { indexPorts: "9000-10000" } }, /--index-ports/],
    [{ flags: { indexPorts: "8000-8100", httpPort: "8080" } }, /--index-ports/],
    [{ flags: { indexPorts: "9000-9001", httpPort: "off" } }, /--index-ports/],
    [{ flags: { httpPort: "80a" } }, /--http-port.*port.*"80a"/],
    [{ flags: { httpPort: "65536" } }, /--http-port/],
    [{ flags: { httpPort: "-1" } }, /--http-port/],
    [{ flags: { httpPort: "" } }, /--http-port/],
    [{ environment: { INSULA_OSS_QUOTAS: "on" } }, /INSULA_OSS_QUOTAS.*"off" or "seed".*"on"/],
    [{ environment: { INSULA_ACCOUNT_ID: "12x" } }, /INSULA_ACCOUNT_ID/],
    [{ environment: { INSULA_PUBLIC_DOMAIN: "a b" } }, /INSULA_PUBLIC_DOMAIN/],
    [{ environment: { INSULA_MEMORY_BUDGET: "255MiB" } }, /INSULA_MEMORY_BUDGET/],
    [
      { environment: { INSULA_COMPACTION_BYTES_PER_SECOND: "1023KiB" } },
      /INSULA_COMPACTION_BYTES_PER_SECOND/,
    ],
    [{ flags: { compactionBytesPerSecond: "65GiB" } }, /--compaction-bytes-per-second/],
    [{ flags: { tlsCert: "a.pem" } }, /--tls-cert.*with tlsKey/],
    [file({ httpPort: null }), /httpPort in insula.json/],
    [file({ httpPort: true }), /httpPort in insula.json/],
    [file([1]), /one JSON object/],
    [file("{"), /one JSON object/],
    [{ flags: { config: "missing" } }, /configuration file missing/],
  ])("%j", (sources, message) => {
    expect(() => loadConfig(sources)).toThrow(message);
    expect(() => loadConfig(sources)).toThrow(expect.objectContaining({ code: "setting_invalid" }));
  });

  test.each([
    [{ flags: { dataDirr: "x" } }, /--data-dirr.*Did you mean --data-dir\?/],
    [
      { environment: { INSULA_HTTP_PROT: "1" } },
      /INSULA_HTTP_PROT.*Did you mean INSULA_HTTP_PORT\?/,
    ],
    [file({ dataDirectory: "x" }), /dataDirectory in insula.json.*Did you mean dataDir\?/],
    [file({ config: "x" }), /there is no such setting/],
    [file('{"__proto__":{"host":"x"}}'), /there is no such setting/],
    [{ environment: { INSULA_COMPLETELY_DIFFERENT_THING: "1" } }, /there is no such setting\.$/],
  ])("an unknown name in %j is refused with a suggestion when one is near", (sources, message) => {
    expect(() => loadConfig(sources)).toThrow(message);
  });

  test("names of later versions are refused in their own words", () => {
    expect(() => loadConfig({ environment: { INSULA_GRPC_PORT: "1" } })).toThrow(/reserved/);
    expect(() => loadConfig({ flags: { sqlPort: "1" } })).toThrow(/reserved/);
  });

  test("a variable of the command line is left alone", () => {
    const environment = { INSULA_URL: "http://x" };
    expect(() => loadConfig({ environment })).toThrow(/INSULA_URL/);
    expect(loadConfig({ environment, foreignVariables: ["INSULA_URL"] }).httpPort).toBe(8080);
  });

  test("a wrong secret is not repeated, and neither is a broken file", () => {
    expect(() => loadConfig(file({ adminSecret: ["hush"] }))).not.toThrow(/hush/);
    expect(() => loadConfig(file('{"adminSecret":"hush",'))).not.toThrow(/hush/);
    expect(() => loadConfig(file('{"adminSecret":"hush",'))).toThrow(/insula.json/);
  });
});

describe("the settings in effect", () => {
  const sources = {
    flags: { config: "insula.json", host: "flag" },
    environment: { INSULA_HOST: "env", INSULA_HTTP_PORT: "9000", INSULA_ADMIN_SECRET: "hush-hush" },
    readFile: () => JSON.stringify({ httpPort: 1, logLevel: "warn", embedderKey: "hush" }),
  };

  test("have a value and the source that won, for every setting", () => {
    const shown = explainConfig(sources);
    expect(shown.map(({ setting }) => setting)).toEqual(SETTINGS);
    const of = (name: string) => {
      const found = shown.find(({ setting }) => setting.name === name);
      return [found?.value, found?.source];
    };
    expect(of("host")).toEqual(["flag", "--host"]);
    expect(of("httpPort")).toEqual(["9000", "INSULA_HTTP_PORT"]);
    expect(of("logLevel")).toEqual(["warn", "logLevel in insula.json"]);
    expect(of("connectionsMax")).toEqual(["10000", "default"]);
    expect(of("tlsCert")).toEqual([undefined, "default"]);
  });

  test("never show a secret, and say whether there is one", () => {
    const shown = explainConfig(sources);
    expect(JSON.stringify(shown)).not.toContain("hush");
    const secrets = shown.filter(({ setting }) => setting.isSecret === true);
    const set = secrets
      .filter(({ value }) => value === "[secret]")
      .map(({ setting }) => setting.name);
    expect(set).toEqual(["adminSecret", "embedderKey"]);
    expect(secrets.map(({ value }) => value)).toContain(undefined);
  });

  test("are refused as a start would refuse them", () => {
    expect(() => explainConfig({ environment: { INSULA_HTTP_PORT: "x" } })).toThrow(
      /INSULA_HTTP_PORT/,
    );
  });
});

describe("flags on a command line", () => {
  test("are read with a blank or an equals sign", () => {
    expect(parseFlags(["--data-dir", "x", "--http-port=0", "--config=c=d"])).toEqual({
      dataDir: "x",
      httpPort: "0",
      config: "c=d",
    });
  });

  test.each([
    [["--datadir", "x"], /Did you mean --data-dir\?/],
    [["--data-dir"], /expected a value/],
    [["serve"], /there is no such setting/],
  ])("%j is refused", (words, message) => {
    expect(() => parseFlags(words)).toThrow(message);
  });
});
