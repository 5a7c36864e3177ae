/**
 * Builds the JavaScript of everywire, always to the same bytes.
 *
 *   node build.mjs           dist/ (the npm package) and src/everywire/_static/ (what an installed wheel serves)
 *   node build.mjs --tests   dist/ and dist/test/ alone
 *
 * _static/ is committed, so that a source install needs no Node; manifest.json there names the SHA-256 of every source and output.
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../..");
const DIST = join(HERE, "dist");
const STATIC = join(ROOT, "src/everywire/_static");
const CHAT = join(ROOT, "examples/chat/page");
const MOST_GZIPPED = 10 * 1024;
/** Entries beside the client: who does not import them does not load them. */
const EXTRAS = ["deltas", "msgpack", "react", "streams"];

const browser = { bundle: true, format: "esm", target: "es2022", charset: "utf8", legalComments: "none", logLevel: "warning" };

/** Every file below `folder`, sorted, as absolute paths. */
function files(folder) {
  const found = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return found.map((entry) => join(entry.parentPath, entry.name)).sort();
}

async function buildPackage() {
  rmSync(DIST, { recursive: true, force: true });
  const entryPoints = [join(HERE, "src/index.ts")];
  await build({ ...browser, entryPoints, outfile: join(DIST, "everywire.js") });
  await build({ ...browser, entryPoints, outfile: join(DIST, "everywire.min.js"), minify: true });
  await build({ ...browser, entryPoints: EXTRAS.map((name) => join(HERE, `src/${name}.ts`)), outdir: DIST, external: ["react"] });
  // The second reads the declarations as who installs the package does, and finds what `@internal` has taken out of them too much.
  for (const project of ["tsconfig.types.json", "tsconfig.dist.json"]) {
    execFileSync(process.execPath, [join(HERE, "node_modules/typescript/bin/tsc"), "-p", join(HERE, project)], { stdio: "inherit" });
  }
  const { length } = gzipSync(readFileSync(join(DIST, "everywire.min.js")), { level: 9 });
  const extras = await Promise.all(EXTRAS.map(async (name) => `${name} ${await gzipped(name)}`));
  console.log(`client: ${length} bytes, minified and gzipped; beside it: ${extras.join(", ")}`);
  if (length > MOST_GZIPPED) throw new Error(`the client may take ${MOST_GZIPPED} bytes, gzipped`);
}

async function gzipped(name) {
  const options = { ...browser, entryPoints: [join(HERE, `src/${name}.ts`)], external: ["react"], minify: true, write: false };
  const { outputFiles } = await build(options);
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

async function buildTests() {
  const entryPoints = files(join(HERE, "test")).filter((path) => path.endsWith(".test.ts"));
  const outdir = join(DIST, "test");
  await build({ ...browser, entryPoints, outdir, platform: "node", external: ["react", "react-test-renderer", "@msgpack/msgpack"], outExtension: { ".js": ".mjs" }, sourcemap: "inline", alias: aliases() });
}

async function buildStatic() {
  rmSync(STATIC, { recursive: true, force: true });
  mkdirSync(join(STATIC, "chat"), { recursive: true });
  copyFileSync(join(DIST, "everywire.min.js"), join(STATIC, "everywire.js"));
  const extras = EXTRAS.filter((name) => name !== "react").map((name) => join(HERE, `src/${name}.ts`));
  await build({ ...browser, entryPoints: extras, outdir: STATIC, minify: true });
  await build({ ...browser, entryPoints: [join(CHAT, "chat.ts")], outfile: join(STATIC, "chat/chat.js"), minify: true, alias: aliases() });
  for (const path of files(CHAT)) {
    if (!path.endsWith(".ts")) copyFileSync(path, join(STATIC, "chat", basename(path)));
  }
  const sources = [...files(join(HERE, "src")), ...files(CHAT), join(HERE, "build.mjs"), join(HERE, "package-lock.json")];
  const manifest = { sources: hashes(sources), outputs: hashes(files(STATIC)) };
  writeFileSync(join(STATIC, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

function aliases() {
  return { everywire: join(HERE, "src/index.ts") };
}

function hashes(paths) {
  const entries = paths.map((path) => [relative(ROOT, path), createHash("sha256").update(readFileSync(path)).digest("hex")]);
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

await buildPackage();
if (process.argv.includes("--tests")) await buildTests();
else await buildStatic();
