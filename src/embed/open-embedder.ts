/** From settings to an embedder of any kind. */
import { createBuiltInEmbedder } from "./built-in-embedder.ts";
import type { Embedder } from "./embedder.ts";
import { openHttpEmbedder, type HttpEmbedderSettings } from "./http-embedder.ts";
import type { CallDoors } from "./json-caller.ts";
import { openLocalEmbedder, type LocalEmbedderSettings } from "./local-embedder.ts";

export interface BuiltInEmbedderSettings {
  readonly kind: "built-in";
  readonly dimension?: number | undefined;
}

export type EmbedderSettings =
  BuiltInEmbedderSettings | HttpEmbedderSettings | LocalEmbedderSettings;

/** @throws InsulaError `argument_invalid`, `embedder_unavailable`, `embedder_unusable` */
export async function openEmbedder(
  settings: EmbedderSettings,
  doors: CallDoors,
): Promise<Embedder> {
  switch (settings.kind) {
    case "built-in":
      return createBuiltInEmbedder(
        settings.dimension === undefined ? {} : { dimension: settings.dimension },
      );
    case "local":
      return openLocalEmbedder(settings);
    case "dashscope":
    case "openai":
      return openHttpEmbedder(settings, doors);
  }
}
