import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "./program.ts";

const GROUPS = createProgram().commands.filter(({ commands }) => commands.length > 0);

/** All words a subcommand is called by. */
const wordsOf = (command: Command): readonly string[] => [command.name(), ...command.aliases()];

describe.each(GROUPS.map((group) => [group.name(), group] as const))("insula %s", (_, group) => {
  it("lists by ls and list, and removes by rm and delete", () => {
    const words = group.commands.map(wordsOf);
    expect(words).toContainEqual(["ls", "list"]);
    // Backups share objects with those made after them: there is no removal of one.
    // Neither has a command that removes.
    if (["backup", "mirror"].includes(group.name())) return;
    const removing = words.find((each) => each.includes("rm"));
    expect(removing).toContain("delete");
  });
});

it("there are seven groups, and no two commands of one place share a word", () => {
  expect(GROUPS.map((group) => group.name())).toEqual([
    "db",
    "collection",
    "tenant",
    "customer",
    "keys",
    "backup",
    "mirror",
  ]);
  for (const { commands } of [createProgram(), ...GROUPS]) {
    const words = commands.flatMap(wordsOf);
    expect(words).toEqual([...new Set(words)]);
  }
});

/** The program itself has no parent. */
function isOfGroup({ parent }: Command): boolean {
  return (parent?.parent ?? null) !== null;
}

it("every command has a description and an example that begins with its own name", () => {
  const leaves = createProgram().commands.flatMap((command) =>
    command.commands.length > 0 ? [...command.commands] : [command],
  );
  for (const command of leaves) {
    let help = "";
    command.configureOutput({ writeOut: (text) => (help += text) });
    command.outputHelp();
    const group = isOfGroup(command) ? `${command.parent?.name() ?? ""} ` : "";
    expect(command.description()).not.toBe("");
    expect(help).toMatch(new RegExp(`\\$ .*\\binsula .*${group}${command.name()}\\b`));
  }
});
