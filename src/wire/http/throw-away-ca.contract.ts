/** Certificates for tests: an authority of their own and a server certificate signed by it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface ThrowAwayCa {
  /** Holds `ca.pem`, `cert.pem` and `key.pem`. */
  readonly folder: string;
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  remove(): void;
}

/** Good for two days, for `localhost`, names below it and below `svc.localhost`, and 127.0.0.1. */
export function makeThrowAwayCa(): ThrowAwayCa {
  const folder = mkdtempSync(join(tmpdir(), "insula-ca-"));
  const path = (name: string): string => join(folder, name);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...curve, ...["-days", "2", "-subj", "/CN=throw-away authority"], [
    ...["-keyout", path("ca.key"), "-out", path("ca.pem")],
  ]);
  openssl("req", "-new", ...curve, ...["-subj", "/CN=localhost"], [
    ...["-keyout", path("key.pem"), "-out", path("request.pem")],
  ]);
  const names = ["localhost", "*.localhost", "*.svc.localhost"].map((name) => `DNS:${name}`);
  writeFileSync(path("extensions"), `subjectAltName=${names.join()},IP:127.0.0.1\n`);
  openssl("x509", "-req", ...["-in", path("request.pem"), "-days", "2"], [
    ...["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial"],
    ...["-extfile", path("extensions"), "-out", path("cert.pem")],
  ]);
  const text = (name: string): string => readFileSync(path(name), "utf8");
  return {
    ...{ folder, caPath: path("ca.pem"), certPath: path("cert.pem"), keyPath: path("key.pem") },
    ...{ ca: text("ca.pem"), cert: text("cert.pem"), key: text("key.pem") },
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}

function openssl(...words: (string | readonly string[])[]): void {
  execFileSync("openssl", words.flat(), { stdio: "ignore" });
}
