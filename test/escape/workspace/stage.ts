import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { makeBase } from "../plant.ts";

/** How attacks run: by this program inside of its boundary, without one by themselves. */
export interface Boundary {
  cordon?: string;
  /** Everything runs as this uid; needs root. */
  uid?: number;
}

export interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

const TIMEOUT_MS = 120_000;
const canary = "escape-canary-of-another-repository";

/** A home with a project and a second repository that holds a secret, in which one attack is carried out. */
export class Stage {
  readonly boundary: Boundary;
  readonly base: string;
  readonly home: string;
  readonly project: string;
  readonly other: string;
  readonly canary = canary;
  /** What the agent's program leaves when somebody outside runs it. Inside, nothing of this directory is the host's. */
  readonly marker: string;
  /** Everything that was printed to the user, and by the runs. */
  said = "";

  constructor(boundary: Boundary) {
    this.boundary = boundary;
    this.base = makeBase();
    this.home = join(this.base, "user");
    this.project = join(this.home, "project");
    this.other = join(this.home, "other");
    this.marker = join(this.home, "ran");
    for (const dir of [this.project, this.other, join(this.base, "run")]) fs.mkdirSync(dir, { recursive: true });
    const identity = "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n";
    this.write(join(this.home, ".gitconfig"), `${identity}[protocol "file"]\n\tallow = always\n`);
    this.write(join(this.home, ".bashrc"), "# mine\n");
    this.write(join(this.project, "a.txt"), "one\n");
    this.write(join(this.other, "secret.txt"), `${canary}\n`);
    this.own();
    for (const dir of [this.project, this.other])
      this.host("git init -q && git add . && git commit -q -m one", { at: dir });
  }

  get isBare(): boolean {
    return this.boundary.cordon === undefined;
  }

  /** The agent at work. Without a boundary it does the same as the user, and what it runs itself does not count. */
  inside(script: string, { at = this.project, options = [] as string[], timeoutMs = TIMEOUT_MS } = {}): Answer {
    const words = ["sh", "-c", script];
    if (!this.isBare) return this.cordon([...options, "run", "--net", "none", "--", ...words], { at, timeoutMs });
    const answer = this.spawn(words, at);
    fs.rmSync(this.marker, { force: true });
    this.said += answer.stdout;
    return answer;
  }

  /** A command of the program, as the user types it. Nothing without a boundary. */
  cordon(words: string[], { at = this.project, timeoutMs = TIMEOUT_MS } = {}): Answer {
    if (this.isBare) return { code: 0, stdout: "", stderr: "" };
    const answer = this.spawn([this.boundary.cordon!, ...words], at, timeoutMs);
    this.said += answer.stdout + answer.stderr;
    return answer;
  }

  /** What the unsuspecting user types afterwards. Throws when it fails, unless a boundary's work may be the cause. */
  host(script: string, { at = this.project, mayFail = false } = {}): string {
    const answer = this.spawn(["sh", "-c", script], at);
    if (answer.code !== 0 && !mayFail) throw new Error(`${script}: ${answer.code} ${answer.stderr}`);
    return answer.stdout;
  }

  /** Without a boundary: what a program that knows no better does in this one's place. */
  naive(script: string, { at = this.project } = {}): void {
    if (this.isBare) this.said += this.spawn(["sh", "-c", script], at).stdout;
  }

  write(path: string, text: string, mode = 0o644): void {
    fs.mkdirSync(join(path, ".."), { recursive: true });
    fs.writeFileSync(path, text, { mode });
    this.own(path);
  }

  read(path: string): string {
    return fs.readFileSync(path, "utf8");
  }

  /** The words that start a host program as the user of this stage, with an environment of a shell of his. */
  command(words: string[]): { argv: string[]; env: Record<string, string> } {
    const { uid } = this.boundary;
    const lower =
      uid === undefined ? [] : ["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", "--"];
    const env = {
      HOME: this.home,
      PATH: `${this.home}/.local/bin:/usr/local/bin:/usr/bin:/bin`,
      TERM: "xterm",
      LANG: "C.UTF-8",
      XDG_RUNTIME_DIR: join(this.base, "run"),
      GIT_CONFIG_NOSYSTEM: "1",
    };
    return { argv: [...lower, ...words], env };
  }

  private spawn(words: string[], cwd: string, timeoutMs = TIMEOUT_MS): Answer {
    const { argv, env } = this.command(words);
    const options = { cwd, env, timeout: timeoutMs, killSignal: "SIGKILL" as const, maxBuffer: 64 * 1024 * 1024 };
    const done = spawnSync(argv[0]!, argv.slice(1), options);
    return { code: done.status ?? -1, stdout: `${done.stdout}`, stderr: `${done.stderr}` };
  }

  /** A program of the agent's in the project, which says so when it was run outside. */
  get payload(): string {
    return `printf '#!/bin/sh\\ntouch ${this.marker}\\ncat\\nexit 0\\n' > payload; chmod +x payload`;
  }

  /** What is wrong when the host has run it. */
  ran(): string | undefined {
    return fs.existsSync(this.marker) ? "the host ran the agent's program" : undefined;
  }

  /** Which of the paths nobody was told of. */
  unlisted(paths: string[]): string | undefined {
    const missing = paths.filter((path) => !this.said.includes(`${path} (`));
    return missing.length > 0 ? `not told of: ${missing.join(", ")}` : undefined;
  }

  /** Bytes by which a terminal would be steered, among what was printed. */
  rawControls(): string | undefined {
    const found = /[^\P{Cc}\n\t]|\p{Bidi_Control}|\u200b/u.exec(this.said)?.[0];
    return found && `printed raw: ${JSON.stringify(found)}`;
  }

  /** One text for everything in a directory. */
  digest(directory: string): string {
    const walk = (place: Buffer): string[] => {
      const stat = fs.lstatSync(place);
      const text = stat.isFile() ? fs.readFileSync(place) : stat.isSymbolicLink() ? fs.readlinkSync(place) : "";
      const row = `${place.toString("latin1")} ${stat.mode} ${createHash("sha1").update(text).digest("hex")}`;
      const names = stat.isDirectory() ? fs.readdirSync(place, { encoding: "buffer" }) : [];
      return [row, ...names.flatMap((name) => walk(Buffer.concat([place, Buffer.from("/"), name])))];
    };
    const rows = walk(Buffer.from(directory));
    return rows.sort().join("\n");
  }

  own(path = this.base): void {
    const { uid } = this.boundary;
    if (uid !== undefined) spawnSync("chown", ["-hR", `${uid}:${uid}`, path === this.base ? path : this.topOf(path)]);
  }

  /** The directory below the home, so that those on the way to a file are the user's too. */
  private topOf(path: string): string {
    return join(this.home, path.slice(this.home.length + 1).split("/")[0]!);
  }

  remove(): void {
    spawnSync("chmod", ["-R", "u+rwx", this.base]);
    fs.rmSync(this.base, { recursive: true, force: true });
  }
}
