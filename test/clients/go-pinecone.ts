/** Pinecone's clients for Go: one program, compiled against two lines of them. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

export const GO_PINECONE_LINES = ["4", "5"] as const;
export type GoPineconeLine = (typeof GO_PINECONE_LINES)[number];

const PROGRAM = path.resolve("test/clients/go-pinecone");

/** Where the program of a line lies; that of 4 is in the tree, the others are made of it. */
export function goPineconeFolder(line: GoPineconeLine): string {
  if (line === "4") return PROGRAM;
  const folder = path.resolve(`.cache/clients/go-pinecone-${line}`);
  mkdirSync(folder, { recursive: true });
  for (const name of ["go.mod", "go.sum"]) {
    copyFileSync(path.join(`${PROGRAM}-${line}`, name), path.join(folder, name));
  }
  for (const name of readdirSync(PROGRAM).filter((file) => file.endsWith(".go"))) {
    const text = readFileSync(path.join(PROGRAM, name), "utf8");
    writeFileSync(
      path.join(folder, name),
      text.replaceAll("go-pinecone/v4/", `go-pinecone/v${line}/`),
    );
  }
  return folder;
}
