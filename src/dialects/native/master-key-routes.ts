/** The master key, changed while the server runs. */
import { NATIVE_LIMITS } from "./limits.ts";
import { withBody, type Route } from "./route.ts";
import { count, flag, object, optional, text } from "./schema.ts";

export const MASTER_KEY_ROUTES: readonly Route[] = [
  withBody({
    method: "POST",
    pattern: "master-key/rotate",
    operation: "RotateMasterKey",
    area: "admin",
    status: 200,
    summary: "Wraps the keys of all tenants with another master key; nothing sealed is touched.",
    takes: {
      schema: object(
        {
          masterKey: optional(
            text("64 hexadecimal digits or base64; needed when the key comes from outside"),
          ),
        },
        "The new key; without it a fresh one is made in the data folder.",
      ),
      bytesMax: NATIVE_LIMITS.catalogBodyBytesMax,
    },
    answers: object(
      {
        rotations: count("of this data folder so far"),
        isInFolder: flag("true: the key lies in the data folder; false: the next start needs it"),
      },
      "what holds from now on",
    ),
    run: ({ context }, { masterKey }) => context.engine.rotateMasterKey(masterKey),
  }),
];
