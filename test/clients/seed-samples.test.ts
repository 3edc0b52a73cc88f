import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  indentPython,
  localize,
  readArchitectureSamples,
  readHttpSamples,
} from "./seed-samples.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-samples-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const LOCAL = { accountId: "42", bucket: "b", url: "http://127.0.0.1:1" };

describe("taking samples out of a text", () => {
  it("cuts commands and programs where the next sentence is glued to them", () => {
    const text = [
      "First steps",
      "oss-vectors-embed \\",
      "--vectors-region here \\",
      'put --metadata \'{"a": "B"}\'Then Query',
      "oss-vectors-embed \\",
      "--vectors-region here \\",
      "query --return-metadataAnd so on",
      "import x",
      "import y",
      "cfg.region = 1",
      "print(1)Sample output:",
      "1",
      "package main",
      "WithRegion(region).",
      "}Sample output:",
    ].join("\n");
    writeFileSync(path.join(folder, "oss-multi-index-architecture.txt"), text);
    const samples = readArchitectureSamples(folder);
    expect(samples.map(({ kind }) => kind)).toEqual(["shell", "shell", "python", "go"]);
    expect(samples.map(({ code }) => code.trimEnd().split("\n").at(-1))).toEqual([
      'put --metadata \'{"a": "B"}\'',
      "query --return-metadata",
      "print(1)",
      "}",
    ]);
    for (const sample of samples) {
      const added = localize(sample, LOCAL).split("\n").length - sample.code.split("\n").length;
      expect(added).toBe(1);
    }
  });

  it("says so when a program has no end", () => {
    writeFileSync(
      path.join(folder, "oss-multi-index-architecture.txt"),
      "package main\nfunc main() {}",
    );
    expect(() => readArchitectureSamples(folder)).toThrow(/has no end/);
  });

  it("finds the raw requests and nothing else", () => {
    const text =
      "### One\n\n```bash\nPUT / HTTP/1.1\nHost: h\n```\n\n### Two\n\n```json\n{}\n```\n";
    writeFileSync(path.join(folder, "oss-vector-api.txt"), text);
    expect(readHttpSamples(folder)).toEqual([
      { kind: "http", title: "One", code: "PUT / HTTP/1.1\nHost: h\n" },
    ]);
  });
});

describe("indentation given back to Python", () => {
  it("follows block heads, returns, definitions and comments", () => {
    const lost = [
      "import a",
      "def f(x):",
      '"""Says (something: odd."""',
      "for i in x:",
      "with y(",
      "i,",
      ") as z:",
      "work(z)  # here: nothing opens",
      "# after the loop",
      "return x",
      "# at the margin",
      "for v in f({",
      "1: 2",
      "}):",
      "print(v)",
    ];
    expect(indentPython(lost)).toEqual([
      "import a",
      "def f(x):",
      '    """Says (something: odd."""',
      "    for i in x:",
      "        with y(",
      "            i,",
      "            ) as z:",
      "            work(z)  # here: nothing opens",
      "    # after the loop",
      "    return x",
      "# at the margin",
      "for v in f({",
      "    1: 2",
      "    }):",
      "    print(v)",
    ]);
  });
});
