import fs from "node:fs";
import path from "node:path";
import { type GitSetting, printSettings } from "../workspace/git-settings.ts";
import type { Repository } from "../workspace/repository.ts";

/** Git directories that cordon makes by itself, with nothing in them that anybody else has chosen. */

export type BareRequest = {
  hashAlgorithm: Repository["hashAlgorithm"];
  /** Beside the format. */
  settings?: GitSetting[];
  /** Bytes of files, by their names in the directory. */
  files?: Record<string, Uint8Array>;
};

/** Makes one that is empty. HEAD stands for a branch that there is none of (gitrepository-layout(5)). */
export const makeBare = (directory: string, { hashAlgorithm, settings = [], files = {} }: BareRequest): void => {
  for (const name of ["objects/info", "objects/pack", "refs/heads", "info"])
    fs.mkdirSync(path.join(directory, name), { recursive: true, mode: 0o700 });
  const isSha1 = hashAlgorithm === "sha1";
  const format: GitSetting[] = [
    { key: "core.repositoryformatversion", value: isSha1 ? "0" : "1" },
    ...(isSha1 ? [] : [{ key: "extensions.objectformat", value: hashAlgorithm }]),
  ];
  fs.writeFileSync(path.join(directory, "HEAD"), "ref: refs/heads/none\n", { mode: 0o600 });
  fs.writeFileSync(path.join(directory, "config"), printSettings([...format, ...settings]), { mode: 0o600 });
  for (const [name, bytes] of Object.entries(files))
    fs.writeFileSync(path.join(directory, name), bytes, { mode: 0o600 });
};

/** The repository that plays the host's for a directory without git. */
export const shadowOf = (directory: string, project: string): Repository => ({
  top: project,
  gitDir: directory,
  commonDir: directory,
  objects: [path.join(directory, "objects")],
  branch: undefined,
  head: undefined,
  hashAlgorithm: "sha1",
  isLinked: false,
  nested: [],
});

/** Files count byte by byte, whatever a `.gitattributes` among them says. */
export const shadowFiles = {
  "info/attributes": Buffer.from("* -text -filter -ident -working-tree-encoding !merge\n"),
};

/** Nobody asks it for much: what goes in quickly matters more than what it takes. */
export const shadowSettings: GitSetting[] = [
  { key: "core.bare", value: "false" },
  { key: "core.compression", value: "1" },
];
