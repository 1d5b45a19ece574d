import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

/** What a path of the registry answers; a document that names its own place needs the origin that the client used. */
export type Page = (origin: string) => string | Buffer;

/** One tiny package in the forms of npm, pip and Go. `word` stands in it, and in nothing else of the registry. */
export const createRegistry = (directory: string, word: string): Map<string, Page> =>
  new Map([...npmPages(directory, word), ...pipPages(directory, word), ...goPages(directory, word)]);

const writeFiles = (directory: string, files: Record<string, string>): void => {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    fs.writeFileSync(path.join(directory, name), text);
  }
};

const npmPages = (directory: string, word: string): [string, Page][] => {
  const place = path.join(directory, "npm");
  const manifest = { name: "tiny", version: "1.0.0", main: "index.js" };
  writeFiles(place, {
    "package/package.json": JSON.stringify(manifest),
    "package/index.js": `module.exports = "${word}";\n`,
  });
  execFileSync("tar", ["-czf", "tiny.tgz", "package"], { cwd: place });
  const archive = fs.readFileSync(path.join(place, "tiny.tgz"));
  const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  const shasum = createHash("sha1").update(archive).digest("hex");
  const document: Page = (origin) => {
    const dist = { tarball: `${origin}/npm/tiny/-/tiny-1.0.0.tgz`, integrity, shasum };
    return JSON.stringify({
      name: "tiny",
      "dist-tags": { latest: "1.0.0" },
      versions: { "1.0.0": { ...manifest, dist } },
      time: { modified: "2020-01-01T00:00:00.000Z", "1.0.0": "2020-01-01T00:00:00.000Z" },
    });
  };
  return [
    ["/npm/tiny", document],
    ["/npm/tiny/-/tiny-1.0.0.tgz", () => archive],
  ];
};

/** A wheel and a Go module are both zip files; Go wants no entries for directories. */
const zip = (directory: string): Buffer => {
  execFileSync("/usr/bin/python3", ["-c", zipFiles, "../archive.zip"], { cwd: directory });
  return fs.readFileSync(path.join(directory, "../archive.zip"));
};

const zipFiles = `
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for place, _, names in os.walk("."):
        for name in names:
            archive.write(os.path.join(place, name))
`;

const pipPages = (directory: string, word: string): [string, Page][] => {
  const place = path.join(directory, "pip/wheel");
  writeFiles(place, {
    "tiny.py": `word = "${word}"\n`,
    "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
    "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "tiny-1.0.dist-info/RECORD": "tiny.py,,\n",
  });
  const wheel = zip(place);
  const file = "tiny-1.0-py3-none-any.whl";
  return [
    ["/pip/simple/tiny/", () => `<!DOCTYPE html><html><body><a href="../../${file}">${file}</a></body></html>`],
    [`/pip/${file}`, () => wheel],
  ];
};

const goPages = (directory: string, word: string): [string, Page][] => {
  const place = path.join(directory, "go/module");
  const mod = "module tiny.test/tiny\n";
  writeFiles(place, {
    "tiny.test/tiny@v1.0.0/go.mod": mod,
    "tiny.test/tiny@v1.0.0/tiny.go": `package tiny\n\nconst Word = "${word}"\n`,
  });
  const archive = zip(place);
  const base = "/go/tiny.test/tiny/@v";
  const info = JSON.stringify({ Version: "v1.0.0", Time: "2020-01-01T00:00:00Z" });
  return [
    [`${base}/list`, () => "v1.0.0\n"],
    [`${base}/v1.0.0.info`, () => info],
    [`${base}/v1.0.0.mod`, () => mod],
    [`${base}/v1.0.0.zip`, () => archive],
  ];
};
