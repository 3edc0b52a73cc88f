/**
 * The lint of the house. Limits and bans are those of CONTRIBUTING.md; each ban names its
 * replacement.
 *
 * Run from the root: eslint --config scripts/config/eslint.config.js .
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

const root = resolve(fileURLToPath(import.meta.url), "../../..");

const TESTS = [
  "**/*.test.ts",
  "**/*.contract.ts",
  "**/*.bench.ts",
  "test/**",
  "bench/**",
  "examples/**",
];

/** Where the real clock, timers and chance live; everything else takes Clock and Random. */
const REAL_WORLD = ["src/io/node/**", "src/cli/**", "src/server/**", "scripts/**", ...TESTS];
/** Rooms that may open files and sockets. */
const OPEN_ROOMS = [
  ...["src/io/**", "src/wire/**", "src/embed/**", "src/server/**", "src/cli/**", "scripts/**"],
  ...TESTS,
];

const WORDS = [
  {
    selector: "ExportDefaultDeclaration",
    message: "Export by name: a default export has another name in every file that imports it.",
  },
  {
    selector: "ExportAllDeclaration",
    message: "List the exports by hand: index.ts is the room's table of contents.",
  },
  {
    selector: "TSEnumDeclaration",
    message: "Use a union of string literals, or a constant object with `as const`.",
  },
];

const BARE_ERRORS = [
  {
    selector: "ThrowStatement > NewExpression[callee.name='Error']",
    message:
      "Throw InsulaError(code, message) for what a caller can meet; assert(condition, sentence) for a broken invariant.",
  },
];

/**
 * Names of what only secretsEqual may compare; with undefined or a literal nothing is given away.
 */
const SECRET_NAMES = "/(^|[a-z])(secret|signature|password|mac)$/i";
const COMPARE = "Compare secrets with secretsEqual (src/base/secret.ts), which takes equal time.";
const SECRETS = [
  { selector: "ImportSpecifier[imported.name='timingSafeEqual']", message: COMPARE },
  ...["left", "right"].flatMap((side) => {
    const other = side === "left" ? "right" : "left";
    return ["name", "property.name"].map((name) => ({
      selector:
        `BinaryExpression[operator=/^[!=]==?$/][${side}.${name}=${SECRET_NAMES}]` +
        `:not([${other}.type='Literal']):not([${other}.name='undefined'])`,
      message: COMPARE,
    }));
  }),
];

const CLOCK = "Take a Clock parameter (src/io/clock.ts).";
const TIME_AND_CHANCE = [
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: CLOCK },
  { selector: "CallExpression[callee.name='Date']", message: CLOCK },
  ...[
    ["Date", "now", CLOCK],
    ["performance", "now", CLOCK],
    ["process", "hrtime", CLOCK],
    ["Math", "random", "Take a Random parameter (src/io/random.ts)."],
  ].map(([object, property, message]) => ({
    selector: `MemberExpression[object.name='${object}'][property.name='${property}']`,
    message,
  })),
];
const TIMERS = ["setTimeout", "setInterval", "setImmediate"].map((name) => ({
  name,
  message: "Take a Clock parameter and wait through it (src/io/clock.ts).",
}));

/** Core modules that reach the world, with what is used in their place. */
const WORLD_MODULES = [
  ["fs", "Take a FileSystem or ObjectStore parameter (src/io)."],
  ["net", "Listeners live in wire/ and server/."],
  ["tls", "Listeners live in wire/ and server/."],
  ["http", "Listeners live in wire/ and server/; clients in embed/."],
  ["https", "Listeners live in wire/ and server/; clients in embed/."],
  ["http2", "Listeners live in wire/ and server/."],
  ["child_process", "Only server/ and cli/ may start programs."],
];
const TIME_MODULES = [
  ["timers", "Take a Clock parameter (src/io/clock.ts)."],
  ["perf_hooks", "Take a Clock parameter (src/io/clock.ts)."],
];
const restrictImports = (modules) => [
  "error",
  {
    patterns: modules.map(([name, message]) => ({
      regex: `^(node:)?${name}(/promises)?$`,
      message,
    })),
  },
];

const OFF_IN_TESTS = [
  ...["no-unsafe-argument", "no-unsafe-assignment", "no-unsafe-call", "no-unsafe-member-access"],
  ...[
    "no-unsafe-return",
    "no-misused-spread",
    "no-non-null-assertion",
    "no-empty-function",
    "unbound-method",
  ],
  ...["no-confusing-void-expression", "no-unnecessary-condition", "no-dynamic-delete"],
];

// Tools want their configuration as a default export: the one exception to the ban below.
export default defineConfig(
  {
    ignores: [
      ...["dist/", "coverage/", "**/node_modules/", ".cache/", "insula-data/"],
      "src/math/kernels/", // AssemblyScript: another language with the same syntax
      "**/generated/",
      "**/*.d.mts",
    ],
  },
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: "tsconfig.json", tsconfigRootDir: root } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-empty": ["error", { allowEmptyCatch: false }],
      "no-restricted-syntax": [
        "error",
        ...[...WORDS, ...BARE_ERRORS, ...SECRETS, ...TIME_AND_CHANCE],
      ],
      "no-restricted-globals": ["error", ...TIMERS],
      "no-restricted-imports": restrictImports([...WORLD_MODULES, ...TIME_MODULES]),
      "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
      "max-lines-per-function": ["error", { max: 70, skipBlankLines: true, skipComments: true }],
      "max-params": "off",
      "@typescript-eslint/max-params": ["error", { max: 4 }],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidOperator: true },
      ],
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      // A body in memory answers at once where its interface, made for disks, promises.
      "@typescript-eslint/require-await": "off",
    },
  },
  { files: ["src/math/**/*.ts"], rules: { "@typescript-eslint/max-params": "off" } },
  {
    files: ["src/**/errors.ts", "src/**/limits.ts"], // tables
    rules: { "max-lines": "off" },
  },
  {
    files: REAL_WORLD,
    rules: {
      "no-restricted-globals": "off",
      "no-restricted-syntax": ["error", ...WORDS, ...BARE_ERRORS, ...SECRETS],
      "no-restricted-imports": restrictImports(WORLD_MODULES),
    },
  },
  {
    files: ["src/base/secret.ts"], // the one place where secrets are compared
    rules: {
      "no-restricted-syntax": ["error", ...WORDS, ...BARE_ERRORS, ...TIME_AND_CHANCE],
    },
  },
  { files: OPEN_ROOMS, rules: { "no-restricted-imports": restrictImports(TIME_MODULES) } },
  {
    files: ["src/io/node/**", "src/cli/**", "src/server/**", "scripts/**", ...TESTS],
    rules: { "no-restricted-imports": "off" },
  },
  {
    files: [...TESTS, "scripts/**/*.ts"],
    rules: {
      "max-lines": ["error", { max: 600, skipBlankLines: true, skipComments: true }],
      "max-lines-per-function": "off",
      "@typescript-eslint/max-params": "off",
      "no-restricted-syntax": ["error", ...WORDS],
      ...Object.fromEntries(OFF_IN_TESTS.map((name) => [`@typescript-eslint/${name}`, "off"])),
    },
  },
  {
    files: ["scripts/config/*.config.ts"],
    rules: { "no-restricted-syntax": "off" }, // default exports
  },
  {
    files: ["**/*.{js,mjs,cjs}"],
    extends: [...tseslint.configs.recommended],
    rules: {
      eqeqeq: "error",
      "no-restricted-syntax": "off",
      "no-restricted-imports": "off",
      "@typescript-eslint/no-require-imports": "off",
    },
  },
);
