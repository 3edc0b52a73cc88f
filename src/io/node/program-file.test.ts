import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { findProgramFile, readProgramFile } from "./program-file.ts";

const ENTRY = "io/node/log-thread-entry.js";

describe("a file of the program", () => {
  it("lies beside the code, as TypeScript where the sources run", () => {
    const beside = new URL("./log-thread-entry.js", import.meta.url);
    const found = fileURLToPath(findProgramFile({ beside, place: ENTRY }));
    expect(found).toBe(fileURLToPath(new URL("./log-thread-entry.ts", import.meta.url)));
  });

  it("lies in the package when the code was bundled, whatever lies beside the bundle", () => {
    // A neighbour of that name that is there and belongs to somebody else.
    const beside = new URL("./program-file.ts", import.meta.url);
    const found = findProgramFile({ beside, place: "../package.json" });
    expect(found.pathname).toMatch(/\/package\.json$/);
  });

  it("that is nowhere is an error that says what to install", async () => {
    const file = { beside: new URL("./none.js", import.meta.url), place: "io/node/none.js" };
    expect(() => findProgramFile(file)).toThrow("expected dist/io/node/none.js in the package");
    await expect(readProgramFile(file)).rejects.toMatchObject({ code: "format_unsupported" });
  });
});
