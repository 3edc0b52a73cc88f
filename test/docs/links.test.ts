/** What our documents point to is there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "../..");
const FOLDERS = ["", "docs", "docs/decisions", "docs/dialects", "docs/formats"];
const DOCUMENTS = FOLDERS.flatMap((folder) =>
  readdirSync(path.join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => path.join(folder, name)),
);

test.each(DOCUMENTS)("%s links to files that are there", (document) => {
  const text = readFileSync(path.join(ROOT, document), "utf8");
  const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)];
  const targets = links.map(([, target = ""]) => path.join(path.dirname(document), target));
  expect(targets.filter((target) => !existsSync(path.join(ROOT, target)))).toEqual([]);
});

test.each(DOCUMENTS)("%s names files that are there", (document) => {
  const text = readFileSync(path.join(ROOT, document), "utf8");
  const names = [
    ...text.matchAll(/`((?:src|test|docs|bench|examples|scripts)\/[\w./-]+\.(?!wasm)\w+)`/g),
  ].map(([, name = ""]) => name);
  expect(names.filter((name) => !existsSync(path.join(ROOT, name)))).toEqual([]);
});

test("every decision has a title, a status, a context, a choice and a price", () => {
  const folder = path.join(ROOT, "docs/decisions");
  const names = readdirSync(folder).toSorted();
  expect(names.length).toBeGreaterThan(0);
  for (const [i, name] of names.entries()) {
    const number = String(i + 1).padStart(4, "0");
    expect(name).toMatch(new RegExp(`^${number}-[a-z0-9-]+\\.md$`));
    const text = readFileSync(path.join(folder, name), "utf8");
    expect(text).toMatch(new RegExp(`^# ${number} `));
    for (const part of ["Status: ", "## Context", "## Choice", "## What we gave up"]) {
      expect(text, name).toContain(`\n${part}`);
    }
  }
});
