/** docs/configuration.md has every setting with its spellings and its default. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { RESERVED_SETTINGS } from "../../src/server/config.ts";
import { SETTINGS } from "../../src/server/index.ts";
import { rowsOf } from "./tables.ts";

const FILE = path.resolve(import.meta.dirname, "../../docs/configuration.md");
const DOCUMENT = readFileSync(FILE, "utf8");
const ROWS = rowsOf(DOCUMENT).filter((cells) => cells.length === 6 && cells[0] !== "setting");

test("every setting has one row, in the order of the help text", () => {
  expect(ROWS.map(([name]) => name)).toEqual(SETTINGS.map(({ name }) => `\`${name}\``));
});

test.each(SETTINGS)("$name has its flag, its variable and its default", (setting) => {
  const row = ROWS.find(([name]) => name === `\`${setting.name}\``) ?? [];
  expect(row[1]).toBe(`\`${setting.flag}\``);
  expect(row[2]).toBe(`\`${setting.variable}\``);
  if (setting.fallback !== undefined) expect(row[3]).toBe(`\`${setting.fallback}\``);
  else expect(row[3]).not.toMatch(/^(`.*`)?$/);
});

test("every reserved name is mentioned", () => {
  for (const name of RESERVED_SETTINGS) expect(DOCUMENT).toContain(`\`${name}\``);
});
