/** The certificate and the key that listeners speak TLS with: read, and checked before use. */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { InsulaError } from "../base/errors.ts";
import { toFlag, toVariable, type ServerConfig } from "./config.ts";

export interface TlsPair {
  /** PEM: the server's own certificate, then those that lead to its authority. */
  readonly cert: string;
  /** PEM of the private key, without a passphrase. */
  readonly key: string;
  /** From when on clients refuse it, ms of the wall clock. */
  readonly expiresAtMs: number;
}

type TlsName = "tlsCert" | "tlsKey";

/**
 * Reads both files anew; undefined when none are named.
 *
 * @throws InsulaError `setting_invalid`, naming the setting and the file.
 */
export function readTls(config: Pick<ServerConfig, "tlsCert" | "tlsKey">): TlsPair | undefined {
  const { tlsCert, tlsKey } = config;
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const cert = readPem("tlsCert", tlsCert);
  const key = readPem("tlsKey", tlsKey);
  const certificate = parseCertificate(cert, tlsCert);
  if (!certificate.checkPrivateKey(parseKey(key, tlsKey))) {
    throw refuse(
      "tlsKey",
      `the key in ${tlsKey} does not belong to the first certificate in ${tlsCert}: ` +
        "in a chain the server's own certificate comes first",
    );
  }
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw refuse("tlsCert", `OpenSSL refuses the certificate in ${tlsCert} or its key`, cause);
  }
  return { cert, key, expiresAtMs: Date.parse(certificate.validTo) };
}

function readPem(name: TlsName, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw refuse(name, `the file ${path} cannot be read`, cause);
  }
}

function parseCertificate(text: string, path: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw refuse("tlsCert", `${path} holds no certificate in PEM`, cause);
  }
}

function parseKey(text: string, path: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    const expected = `${path} holds no private key in PEM without a passphrase`;
    throw refuse("tlsKey", expected, cause);
  }
}

function refuse(name: TlsName, reason: string, cause?: unknown): InsulaError {
  return new InsulaError(
    "setting_invalid",
    `Cannot use ${toFlag(name)} (${toVariable(name)}): ${reason}.`,
    { cause },
  );
}
