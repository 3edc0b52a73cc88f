/** Parameters of the vendor's embedding models. */
import type { JsonObject } from "../../../wire/index.ts";
import { refusal } from "../errors.ts";
import { readText } from "../rest/members.ts";

/**
 * What a text is for and how a long one is cut: known words only. The embedders here make one
 * vector for both uses, and cut by themselves what their model cannot read.
 */
export function readParameters(parameters: JsonObject): void {
  for (const [name, values] of Object.entries(PARAMETER_VALUES)) {
    const value = readText(parameters, name);
    if (value !== undefined && !values.includes(value)) {
      throw refusal(`parameters.${name} must be one of ${values.join(", ")}`);
    }
  }
}

export const PARAMETER_VALUES: Readonly<Record<string, readonly string[]>> = {
  input_type: ["query", "passage"],
  truncate: ["END", "NONE", "START"],
};
