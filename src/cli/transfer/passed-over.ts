/** Records of other collections than the one that is imported. */
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { printCounted } from "../output.ts";

/** Names that are kept. Source: ours; a message that is still read. */
const NAMES_MAX = 10;
/** Of a name that is kept: a line has room for one of megabytes. */
const NAME_CHARACTERS_MAX = 64;

/** How many there were, and of which collections: a few names, however long the file is. */
export class PassedOver {
  records: number = 0;
  /** As messages say them, in the order of the file; the last may be `others`. */
  readonly names: Set<string> = new Set<string>();

  add(collection: string): void {
    this.records++;
    if (this.names.size <= NAMES_MAX) addName(this.names, printName(collection));
  }
}

/**
 * For an import that took nothing: says so when that is because all is of other collections.
 *
 * @throws CommandError
 */
export function refuseOthersAlone(sources: readonly { readonly passedOver?: PassedOver }[]): void {
  const found = sources.flatMap(({ passedOver }) => passedOver ?? []);
  const records = found.reduce((sum, each) => sum + each.records, 0);
  if (records === 0) return;
  const names = new Set<string>();
  for (const name of found.flatMap((each) => [...each.names])) addName(names, name);
  throw new CommandError(
    EXIT_CODES.usage,
    `Nothing was imported: ${printCounted(records, "record")} passed over, all of other ` +
      `collections: ${[...names].join(", ")}.`,
    "Name one of these with --collection, or take each into its own with --customer; where the " +
      "member is no name of a collection, --metadata-from collection takes the records with it.",
  );
}

function addName(names: Set<string>, name: string): void {
  if (names.size <= NAMES_MAX) names.add(names.size < NAMES_MAX || names.has(name) ? name : OTHERS);
}

const OTHERS = "others";

function printName(name: string): string {
  return name.length <= NAME_CHARACTERS_MAX
    ? JSON.stringify(name)
    : `${JSON.stringify(name.slice(0, NAME_CHARACTERS_MAX))}…`;
}
