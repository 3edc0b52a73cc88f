/**
 * Collects the values of rows and makes one section per property: at a flush, at a compaction.
 *
 * Memory grows with the rows added: one number for a value that one row has, a list for others.
 */
import { assert, InsulaError } from "../base/errors.ts";
import { INVERTED_PROPERTIES_MAX } from "../base/limits.ts";
import { visitProperties, type Metadata, type MetadataValue } from "../model/index.ts";
import { PropertyTerms } from "./property-terms.ts";

export interface InvertedSection {
  readonly property: string;
  readonly bytes: Uint8Array;
}

export interface InvertedSections {
  /** In the order in which the properties were first met. */
  readonly sections: readonly InvertedSection[];
  /**
   * True when a row had a property beyond INVERTED_PROPERTIES_MAX. Then a property without section
   * may still be in some row, and its filters must look at rows; else it is in none.
   */
  readonly hasOverflow: boolean;
}

export class InvertedBuilder {
  readonly #unfilterable: ReadonlySet<string>;
  readonly #properties = new Map<string, PropertyTerms>();
  #hasOverflow = false;
  #nextRow = 0;

  /** @param unfilterable properties that are never indexed, as the schema says. */
  constructor(unfilterable: Iterable<string> = []) {
    this.#unfilterable = new Set(unfilterable);
  }

  /** @param docId ascending from call to call; rows without metadata may be left out. */
  add(docId: number, metadata: Metadata): void {
    this.#advance(docId);
    for (const [name, value] of Object.entries(metadata)) {
      const terms = this.#termsOf(name);
      if (terms !== undefined) addValue(terms, docId, value);
    }
  }

  /**
   * {@link InvertedBuilder.add} from encoded metadata, empty for none; what is not indexed is not
   * decoded.
   */
  addEncoded(docId: number, metadata: Uint8Array): void {
    this.#advance(docId);
    if (metadata.length === 0) return;
    visitProperties(metadata, (name, read) => {
      const terms = this.#termsOf(name);
      if (terms !== undefined) addValue(terms, docId, read());
    });
  }

  /** @param rowCount of the segment; above every docId added. The builder is used up. */
  finish(rowCount: number): InvertedSections {
    assert(rowCount >= this.#nextRow, "a row count above all rows");
    const sections: InvertedSection[] = [];
    for (const [property, terms] of this.#properties) {
      sections.push({ property, bytes: terms.finish(rowCount) });
    }
    this.#properties.clear();
    return { sections, hasOverflow: this.#hasOverflow };
  }

  #advance(docId: number): void {
    if (docId < this.#nextRow) {
      throw new InsulaError(
        "invariant_broken",
        "Invariant broken: rows are indexed in their order",
      );
    }
    this.#nextRow = docId + 1;
  }

  #termsOf(name: string): PropertyTerms | undefined {
    const known = this.#properties.get(name);
    if (known !== undefined || this.#unfilterable.has(name)) return known;
    if (this.#properties.size >= INVERTED_PROPERTIES_MAX) {
      this.#hasOverflow = true;
      return undefined;
    }
    const terms = new PropertyTerms();
    this.#properties.set(name, terms);
    return terms;
  }
}

function addValue(terms: PropertyTerms, docId: number, value: MetadataValue): void {
  terms.addPresence(docId);
  if (Array.isArray(value)) {
    for (const element of value as readonly MetadataValue[]) terms.addScalar(docId, element);
  } else {
    terms.addScalar(docId, value);
  }
}
