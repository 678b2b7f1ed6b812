/** The direction of imports: the guard stands on nothing of Bulwark, and needs nothing but Node to run. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Import {
  readonly file: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

function importsOf(folder: string, include: (file: string) => boolean): readonly Import[] {
  return globSync(`${folder}/src/**/*.ts`, { cwd: root })
    .filter(include)
    .flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8");
      const statements = text.matchAll(
        /(?:^|\n)(import|export)( type)?[^;"]*?\bfrom "([^"]+)"|import\(?\s*"([^"]+)"/g,
      );
      return [...statements].map(([, , type, from, bare]) => ({
        file,
        target: from ?? bare ?? "",
        typeOnly: type !== undefined,
      }));
    });
}

const serviceStarters = ["testing/opa.ts", "testing/postgres.ts"];
/** The one package that the guard loads, and the one entry that does: whoever imports it has installed it. */
const loadedByDesign = {
  file: "guard/src/authorization/policy/opa/opa-wasm.ts",
  target: "@open-policy-agent/opa-wasm",
  typeOnly: false,
};

const isShipped = (file: string) => !file.endsWith(".test.ts") && !file.includes("/testing/");

test("the guard imports no other package of Bulwark, by name or by path", () => {
  const imports = importsOf("guard", () => true);
  assert.ok(imports.length > 100, "the imports were found");
  const strays = imports.filter(({ file, target }) => {
    if (!target.startsWith(".")) return target.startsWith("@bulwark/");
    const path = join(dirname(file), target);
    // Its tests start the services that all tests share; those are no package's.
    return !path.startsWith("guard/") && (isShipped(file) || !serviceStarters.includes(path));
  });
  assert.deepEqual(strays, []);
});

test("the guard's shipped code loads nothing but Node; frameworks are types only", () => {
  const loaded = importsOf("guard", isShipped).filter(
    ({ target, typeOnly }) => !typeOnly && !target.startsWith(".") && !isBuiltin(target),
  );
  assert.deepEqual(loaded, [loadedByDesign]);
});

test("the entry that loads a package is reached from no other", () => {
  const { file: entry } = loadedByDesign;
  const importing = importsOf("guard", isShipped).filter(
    ({ file, target }) => target.startsWith(".") && join(dirname(file), target) === entry,
  );
  assert.deepEqual(importing, []);
});

test("the command imports the guard, and no other package of Bulwark", () => {
  const imports = importsOf("cli", isShipped);
  assert.ok(imports.length > 20, "the imports were found");
  const strays = imports.filter(({ file, target }) =>
    target.startsWith(".")
      ? !join(dirname(file), target).startsWith("cli/")
      : target.startsWith("@bulwark/") && !/^@bulwark\/guard(\/|$)/.test(target),
  );
  assert.deepEqual(strays, []);
});

test("the identity server imports the guard, and nothing that stands on it", () => {
  const imports = importsOf("identity", isShipped);
  const strays = imports.filter(({ file, target }) =>
    target.startsWith(".")
      ? !join(dirname(file), target).startsWith("identity/")
      : target.startsWith("@bulwark/") && !/^@bulwark\/guard(\/|$)/.test(target),
  );
  assert.deepEqual(strays, []);
});
