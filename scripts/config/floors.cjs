/**
 * The floors of the house: one table says which room may see which; everything else is forbidden.
 *
 * Run from the root: depcruise --config scripts/config/floors.cjs src
 * A change here is a change of ARCHITECTURE.md in the same commit. floors.test.ts plants one
 * violation of each sort and expects it to be reported.
 */
const SEES = {
  base: [],
  math: ["base"],
  model: ["base"],
  io: ["base"],
  vault: ["base", "io"],
  storage: ["base", "io"],
  backup: ["base", "io", "wire"],
  mirror: ["base", "io", "backup"],
  vector: ["base", "io", "math"],
  inverted: ["base", "io", "model"],
  shard: ["base", "io", "math", "model", "storage", "vector", "inverted"],
  tenancy: ["base", "io", "model", "shard"],
  // The top of the embeddable library puts the rooms below it together.
  engine: [
    ...[
      "base",
      "io",
      "math",
      "model",
      "vault",
      "backup",
      "mirror",
      "storage",
      "vector",
      "inverted",
      "shard",
      "tenancy",
    ],
  ],
  // The face of the library; of the engine and the model it takes types only, see below.
  client: ["base", "model", "engine"],
  library: ["base", "io", "model", "engine", "client"],
  cluster: ["base", "io", "model", "engine"],
  wire: ["base"],
  embed: ["base", "wire"],
  access: ["base", "io", "model", "engine"], // of engine, only api.ts: see below
  dialects: ["base", "model", "wire", "engine", "access", "embed"], // of engine, only api.ts
  // math: request bodies are parsed by its number parser.
  server: [
    "base",
    "io",
    "math",
    "model",
    "backup",
    "engine",
    "access",
    "embed",
    "cluster",
    "wire",
    "dialects",
  ],
  // client: a command asks a running server as any program does. access, embed, wire: it reads the
  // admin secret, embeds texts by itself and reads JSON exactly.
  cli: ["base", "io", "model", "backup", "engine", "client", "access", "embed", "wire", "server"],
};

/** Rooms a test may see besides: the remote body of the client is tested where the server is. */
const TESTS_SEE = { server: ["client"] };

const ROOMS = Object.keys(SEES).join("|");
const ENGINE_ROOMS =
  "^src/(base|math|model|io|vault|backup|mirror|storage|vector|inverted|shard|tenancy|engine)/";
/**
 * Beside the code, never in the package. A contract suite is imported by the tests of its bodies.
 */
const TESTS = "\\.(test|contract|bench)\\.ts$";
const DOORS = ["^src/base/", "^src/.+/index\\.ts$", "^src/engine/api\\.ts$", TESTS];
/**
 * Started as a process or a thread by its path, or by the package's `exports`: nobody imports
 * these.
 */
const ENTRIES = [
  ...["^src/(index|testing)\\.ts$", "^src/[^/]+/index\\.ts$", "^src/cli/main\\.ts$"],
  ...["-entry\\.ts$", "\\.d\\.ts$"],
];
const NPM = ["npm", "npm-dev", "npm-optional", "npm-peer", "npm-no-pkg", "unknown"];

const error = (name, from, to) => ({ name, severity: "error", from, to });

module.exports = {
  forbidden: [
    ...Object.entries(SEES).map(([room, seen]) =>
      error(
        `${room}-sees-too-much`,
        { path: `^src/${room}/`, pathNot: TESTS },
        { path: "^src/", pathNot: `^src/(${[room, ...seen].join("|")})/` },
      ),
    ),
    // A test may look further down, and into the bodies of io, but never up.
    ...Object.entries(SEES).map(([room, seen]) =>
      error(
        `tests-of-${room}-see-too-much`,
        { path: `^src/${room}/.*${TESTS}` },
        {
          path: "^src/",
          pathNot: `^src/(${[...new Set([room, ...seen, "io", "math", ...(TESTS_SEE[room] ?? [])])].join("|")})/`,
        },
      ),
    ),
    error("no-room-without-a-floor", { path: "^src/[^/]+/", pathNot: `^src/(${ROOMS})/` }, {}),
    error(
      "use-the-door",
      { path: "^src/([^/]+)/", pathNot: TESTS },
      { path: "^src/[^/]+/", pathNot: ["^src/$1/", ...DOORS] },
    ),
    error(
      "dialects-and-access-see-only-the-api",
      { path: "^src/(dialects|access)/", pathNot: TESTS },
      { path: "^src/engine/", pathNot: "^src/engine/api\\.ts$" },
    ),
    error(
      "client-takes-types-only",
      { path: "^src/client/", pathNot: TESTS },
      { path: "^src/(model|engine)/", dependencyTypesNot: ["type-only"] },
    ),
    error(
      "client-sees-only-the-api",
      { path: "^src/client/", pathNot: TESTS },
      { path: "^src/engine/", pathNot: "^src/engine/api\\.ts$" },
    ),
    error(
      "client-runs-anywhere",
      { path: "^src/client/", pathNot: TESTS },
      { dependencyTypes: ["core", ...NPM] },
    ),
    error(
      "dialects-are-strangers",
      { path: "^src/dialects/([^/]+)/" },
      { path: "^src/dialects/([^/]+)/", pathNot: "^src/dialects/$1/" },
    ),
    error(
      "engine-has-no-npm",
      { path: ENGINE_ROOMS, pathNot: [TESTS, "^src/io/s3/"] },
      { dependencyTypes: NPM },
    ),
    error(
      "the-world-is-behind-io",
      { path: "^src/", pathNot: ["^src/(io|wire|embed|server|cli)/", TESTS] },
      {
        dependencyTypes: ["core"],
        path: "^(node:)?(fs|net|tls|http|https|http2|child_process)(/|$)",
      },
    ),
    error("package-has-no-tests", { path: "^src/", pathNot: TESTS }, { path: TESTS }),
    error("no-circular", {}, { circular: true }),
    error("imports-resolve", { path: "^src/" }, { couldNotResolve: true }),
    error("no-orphans", { orphan: true, path: "^src/", pathNot: [TESTS, ...ENTRIES] }, {}),
  ],
  options: {
    exclude: { path: "^src/math/kernels/" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".mts", ".js", ".mjs", ".cjs", ".d.ts"],
    },
  },
};
