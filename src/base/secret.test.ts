import { expect, test } from "vitest";
import { secretsEqual } from "./secret.ts";

test("a secret equals itself, as text and as bytes", () => {
  expect(secretsEqual("a secret", "a secret")).toBe(true);
  expect(secretsEqual("a secret", Buffer.from("a secret"))).toBe(true);
  expect(secretsEqual("", "")).toBe(true);
});

test("secrets of different lengths are unequal and do not throw", () => {
  expect(secretsEqual("a secret", "a secre")).toBe(false);
  expect(secretsEqual("", "a")).toBe(false);
});
