import { createHmac, createSecretKey, KeyObject } from "node:crypto";
import { expect, it } from "vitest";
import { toSecretKey } from "./secret-key.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);

it("is the same key, made where bytes are slow", () => {
  const key = toSecretKey(KEY);
  const isMade = Number(process.versions.node.split(".")[0]) >= 24;
  expect(key instanceof KeyObject).toBe(isMade);
  expect(createHmac("sha256", key).update("text").digest("hex")).toBe(
    createHmac("sha256", KEY).update("text").digest("hex"),
  );
});

it("leaves a key as it is that was made already", () => {
  const made = createSecretKey(KEY);
  expect(toSecretKey(made)).toBe(made);
});
