import { EventEmitter } from "node:events";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeThrowAwayCa, type ThrowAwayCa } from "../wire/http/throw-away-ca.contract.ts";
import { renewOnSignal } from "./signals.ts";
import { readTls } from "./tls-files.ts";

let ca: ThrowAwayCa;
let other: ThrowAwayCa;

beforeAll(() => {
  ca = makeThrowAwayCa();
  other = makeThrowAwayCa();
});
afterAll(() => {
  ca.remove();
  other.remove();
});

const reading = (tlsCert: string, tlsKey: string) => () => readTls({ tlsCert, tlsKey });

test("a pair that fits is read with the day it ends", () => {
  const pair = readTls({ tlsCert: ca.certPath, tlsKey: ca.keyPath });
  expect(pair).toMatchObject({ cert: ca.cert, key: ca.key });
  const days = ((pair?.expiresAtMs ?? 0) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(1);
  expect(days).toBeLessThan(3);
  expect(readTls({})).toBeUndefined();
});

test("what is wrong with the files is said with setting and path", () => {
  const missing = join(ca.folder, "missing.pem");
  expect(reading(missing, ca.keyPath)).toThrow(/--tls-cert.*missing\.pem cannot be read/);
  expect(reading(ca.certPath, missing)).toThrow(/--tls-key.*missing\.pem cannot be read/);
  expect(reading(ca.keyPath, ca.keyPath)).toThrow(/--tls-cert.*no certificate in PEM/);
  expect(reading(ca.certPath, ca.certPath)).toThrow(/--tls-key.*no private key in PEM/);
  expect(reading(ca.certPath, other.keyPath)).toThrow(/--tls-key.*does not belong/);
});

test("a chain begins with the server's own certificate", () => {
  const chain = join(ca.folder, "chain.pem");
  writeFileSync(chain, ca.cert + ca.ca);
  expect(reading(chain, ca.keyPath)).not.toThrow();
  writeFileSync(chain, ca.ca + ca.cert);
  expect(reading(chain, ca.keyPath)).toThrow(/own certificate comes first/);
});

test("no message holds the key", () => {
  const broken = join(ca.folder, "broken.pem");
  copyFileSync(ca.keyPath, broken);
  writeFileSync(broken, ca.key.replace("PRIVATE KEY", "PRIVATE KEX"));
  const body = ca.key.split("\n")[1] ?? "";
  try {
    readTls({ tlsCert: ca.certPath, tlsKey: broken });
  } catch (error) {
    expect(String(error)).not.toContain(body);
  }
  expect.assertions(1);
});

test("SIGHUP reads the certificate again, each time", () => {
  const process = new EventEmitter();
  let count = 0;
  renewOnSignal({ server: { reloadCertificate: () => ++count > 0 }, process });
  process.emit("SIGHUP");
  process.emit("SIGHUP");
  expect(count).toBe(2);
});
