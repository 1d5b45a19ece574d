import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createLab, type Done } from "../../run/lab.ts";
import { claudeText } from "../lab.ts";

export type Stage = ReturnType<typeof createStage>;

export const hourMs = 3_600_000;
export const tokens = {
  claude: `sk-ant-oat01-${"s3cretA".repeat(10)}-endA`,
  refresh: `sk-ant-ort01-${"s3cretB".repeat(10)}-endB`,
  key: `sk-ant-api03-${"s3cretC".repeat(10)}-endC`,
};

/** The compiled program with a throw-away home, and logins to plant there. */
export const createStage = () => {
  const lab = createLab(process.getuid?.() ?? 0);
  const at = (name: string): string => path.join(lab.at("home"), name);
  const write = (name: string, text: string, mode = 0o600): string => {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true });
    fs.writeFileSync(at(name), text, { mode });
    return at(name);
  };
  const read = (name: string): string => fs.readFileSync(at(name), "utf8");
  const cordon = (args: string[], { env = {} as Record<string, string>, input = "" } = {}): Done => {
    const [file, words] = lab.words(args);
    const done = spawnSync(file, words, {
      ...{ cwd: lab.at("project"), env: { ...lab.env, ...env }, input, timeout: 60_000 },
    });
    return { code: done.status, stdout: done.stdout.toString(), stderr: done.stderr.toString() };
  };
  return {
    ...{ lab, at, write, read, cordon },
    exists: (name: string): boolean => fs.existsSync(at(name)),
    /** Claude Code's own login. */
    plantClaude: (access = tokens.claude, expiresAtMs = Date.now() + 8 * hourMs): string =>
      write(".claude/.credentials.json", claudeText(access, tokens.refresh, expiresAtMs)),
    list: (name: string): string[] => (fs.existsSync(at(name)) ? fs.readdirSync(at(name)).sort() : []),
    modeOf: (name: string): number => fs.statSync(at(name)).mode & 0o777,
    close: lab.close,
  };
};
