import fs from "node:fs";
import path from "node:path";
import type { NetworkLab } from "./lab.ts";

/** What `clients/search.py` says: the index of the secret and the place, `KIND WHERE`. */
export type Findings = {
  files: number;
  bytes: number;
  processes: number;
  /** Of how many processes the memory could be read. */
  memories: number;
  hits: { secret: string; place: string }[];
};

/**
 * Puts a program into the project that looks for the secrets in all that is visible where it runs. `command` is for the
 * shell inside; `findings` throws when it has not run to its end.
 */
export const prepareSearch = (lab: NetworkLab, secrets: () => readonly string[]) => {
  const at = (name: string): string => path.join(lab.at("project"), name);
  const [program, needles, result] = ["search.py", "needles", "found.json"].map(at) as [string, string, string];
  lab.write(program, fs.readFileSync(path.join(import.meta.dirname, "clients/search.py"), "utf8"));
  let looked: { secret: string; text: string }[] = [];
  /** Tokens may be made while the sandbox runs: what is looked for is written down anew. */
  const refresh = (): void => {
    looked = secrets().flatMap((secret) => spellingsOf(secret).map((text) => ({ secret, text })));
    lab.write(needles, looked.map(({ text }) => complementOf(text)).join("\n"));
  };
  refresh();
  const findings = (): Findings => {
    const { hits, ...rest } = JSON.parse(fs.readFileSync(result, "utf8")) as Omit<Findings, "hits"> & {
      hits: [number, string][];
    };
    fs.rmSync(result);
    return { ...rest, hits: hits.map(([index, place]) => ({ secret: looked[index]!.secret, place })) };
  };
  return { command: `/usr/bin/python3 ${program} ${needles} ${result}`, refresh, findings };
};

const complementOf = (text: string): string => Buffer.from(Buffer.from(text).map((byte) => 255 - byte)).toString("hex");

/** As it is, and what is certain of it in base64 wherever it stands in the encoded text. */
const spellingsOf = (secret: string): string[] => {
  const encoded = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]).toString("base64");
    return text.slice(before === 0 ? 0 : 4, -4);
  });
  return [secret, ...encoded];
};
