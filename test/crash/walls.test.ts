/**
 * Walls: every byte of every other tenant is noise, by what `insula tenant where` says is theirs,
 * and the one that is left answers bit for bit as before.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/io/index.ts";
import { PLACES, askFolder, copyOf, makeFolder, nameOf, type Folder } from "./folder.ts";

const SEED = Number(process.env["INSULA_SEED"] ?? 1);
const NAMES = PLACES.map(nameOf);

/** The folder with noise over all extents of all places but one. */
function noise(folder: Folder, spared: string, random: SeededRandom): Folder["files"] {
  const files = new Map([...folder.files].map(([path, bytes]) => [path, Uint8Array.from(bytes)]));
  for (const [name, extents] of folder.extents) {
    if (name === spared) continue;
    for (const { file, offset, length } of extents) {
      files.get(file)?.set(random.bytes(length), offset);
    }
  }
  return files;
}

describe.each([
  ["closed", false],
  ["killed", true],
] as const)("in a folder that was %s", (_, isKilled) => {
  let folder: Folder;
  beforeAll(async () => {
    folder = await makeFolder(SEED, isKilled);
  });

  it.each(NAMES)("%s answers bit for bit while all others are noise", async (spared) => {
    const files = await copyOf(noise(folder, spared, new SeededRandom(SEED)));
    const answers = await askFolder(files, SEED);
    expect(answers?.get(spared)).toBe(folder.answers.get(spared));
    for (const name of NAMES) {
      if (name !== spared) expect(answers?.get(name), name).toBeUndefined();
    }
  });

  it("the extents of two places have no byte in common, and lie inside their files", () => {
    const all = [...folder.extents].flatMap(([name, extents]) =>
      extents.map((extent) => ({ name, ...extent })),
    );
    for (const a of all) {
      expect(a.offset + a.length).toBeLessThanOrEqual(folder.files.get(a.file)?.length ?? 0);
      for (const b of all) {
        const isApart =
          a.file !== b.file || a.offset + a.length <= b.offset || b.offset + b.length <= a.offset;
        expect(a === b || isApart, `${a.name} and ${b.name} in ${a.file}`).toBe(true);
      }
    }
  });
});
