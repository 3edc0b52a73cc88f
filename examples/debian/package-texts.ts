/** Debian's own list of packages as texts: what `apt-cache dumpavail` prints. */

export interface PackageText {
  readonly name: string;
  /** Section of the archive, for example `games` or `non-free/libs`. */
  readonly section: string;
  readonly summary: string;
  /** What is embedded: name, summary, long description where there is one, words of the tags. */
  readonly text: string;
}

/** The newest entry of each package; entries without a description are left out. */
export function parsePackages(dump: string): PackageText[] {
  const packages = new Map<string, PackageText>();
  for (const paragraph of dump.split(/\n\n+/)) {
    const fields = parseFields(paragraph);
    const name = fields.get("Package");
    const description = fields.get("Description") ?? fields.get("Description-en");
    if (name === undefined || description === undefined || packages.has(name)) continue;
    const [summary = ""] = description.split("\n");
    if (summary.trim() === "") continue;
    const words = tagWords(fields.get("Tag") ?? "");
    const text = [name.replaceAll("-", " "), description, words].filter(Boolean).join("\n");
    packages.set(name, { name, section: fields.get("Section") ?? "unknown", summary, text });
  }
  return [...packages.values()];
}

/** Fields of one paragraph (deb822): a line that begins with a space continues the one before. */
function parseFields(paragraph: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = "";
  for (const line of paragraph.split("\n")) {
    if (line.startsWith(" ") || line.startsWith("\t")) {
      const more = line.trim() === "." ? "" : line.trim();
      fields.set(last, `${fields.get(last) ?? ""}\n${more}`);
      continue;
    }
    const colon = line.indexOf(":");
    if (colon < 1) continue;
    last = line.slice(0, colon);
    fields.set(last, line.slice(colon + 1).trim());
  }
  return fields;
}

/** `use::gameplaying, works-with::image` → "gameplaying image": facets say how, not what. */
function tagWords(tags: string): string {
  return tags
    .split(",")
    .map((tag) => (tag.split("::")[1] ?? "").trim().replaceAll("-", " "))
    .filter((word) => word !== "")
    .join(" ");
}
