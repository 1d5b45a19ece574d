import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { auditFile, type Happening, openAudit, previousOf } from "../../src/egress/audit.ts";
import { until } from "../run/lab.ts";
import { createStage } from "./stand-in.ts";

setDefaultTimeout(90_000);

let stage: ReturnType<typeof createStage>;
let file: string;
beforeEach(() => {
  stage = createStage();
  file = auditFile(stage.places);
});
afterEach(() => stage.close());

const write = (happenings: Happening[], project = stage.project): void => {
  const audit = openAudit({ file, run: "aaaa1111", project, agent: "claude" });
  for (const happening of happenings) audit.record(happening);
  audit.close();
};
const denied = (host: string, rest: Partial<Happening> = {}): Happening => ({
  ...{ event: "denied", host, port: 443, via: "tcp", reason: `${host}:443 is not allowed` },
  ...rest,
});
const log = async (...args: string[]) => (await stage.cordon(["log", ...args])).stdout;

test("columns: time, verdict, host and port, how often, why", async () => {
  expect(await stage.cordon(["log"])).toEqual({ code: 0, stdout: "", stderr: "" });
  const rule = { value: "*.b.test", origin: "--allow-host" };
  write([denied("a.test"), denied("a.test"), { event: "allowed", host: "b.test", port: 80, via: "http", up: 5, rule }]);
  const rows = (await log()).trimEnd().split("\n");
  expect(rows.map((row) => row.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}/, "").split(/ {2,}/))).toEqual([
    ["denied", "a.test:443", "[tcp] is not allowed"],
    ["allowed", "b.test:80", "[http] rule *.b.test from --allow-host; 5 bytes up, 0 down"],
    ["denied", "a.test:443", "x1", "[tcp] is not allowed"],
  ]);
});

test("of this project, of all, only denials, only the latest", async () => {
  write([denied("a.test"), { event: "allowed", host: "b.test" }]);
  write([denied("c.test")], "/elsewhere");
  write(Array.from({ length: 120 }, (_, index) => ({ event: "allowed", host: `${index}.test` })));
  expect((await log()).split("\n").length).toBe(101);
  const hosts = async (...args: string[]) =>
    [...(await log(...args)).matchAll(/ ([a-c])\.test/g)].map(([, name]) => name);
  expect(await hosts("-n", "all")).toEqual(["a", "b"]);
  expect(await hosts("-n", "all", "--all")).toEqual(["a", "b", "c"]);
  expect(await hosts("--denied", "--all")).toEqual(["a", "c"]);
  expect(await hosts("--denied", "--all", "-n", "1")).toEqual(["c"]);
  expect(await log("--all", "--denied")).toContain("/elsewhere");
  expect((await stage.cordon(["log", "-n", "x"])).code).toBe(125);
  expect((await stage.cordon(["log"], { cwd: stage.lab.at("home") })).stdout).toBe("");
});

test("what a sandbox says cannot steer the terminal, in columns or as JSON", async () => {
  const hostile = "a\u001b]52;c;x\u0007\r\n\u009b2J\u202e\u2066.test";
  const rule = { value: hostile, origin: hostile };
  write([denied(hostile, { reason: hostile, method: hostile, path: hostile, rule })], `${stage.project}/\u001b[2J`);
  const cwd = path.join(stage.project, "\u001b[2J");
  fs.mkdirSync(cwd);
  const columns = (await stage.cordon(["log", "--all"], { cwd })).stdout;
  expect(columns).toMatch(/^[ -~]+\n$/);
  const lines = (await stage.cordon(["log", "--json"], { cwd })).stdout;
  expect(lines).toBe(fs.readFileSync(file, "utf8"));
  expect(lines).toMatch(/^[ -~]+\n$/);
  expect(JSON.parse(lines)).toMatchObject({ host: hostile });
  // A line that cordon did not write.
  fs.writeFileSync(file, `${JSON.stringify({ ...JSON.parse(lines), agent: "\u009b2J\u202e" })}\n`);
  expect((await stage.cordon(["log", "--json"], { cwd })).stdout).toMatch(/^[ -~]+\n$/);
});

test("-f shows what is there, then what comes, over a change of file, until it is interrupted", async () => {
  write([denied("a.test")]);
  const child = stage.begin(["log", "-f", "--json"]);
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve(code ?? signal)));
  const shows = (host: string) => until(() => text.includes(host));
  await shows("a.test");
  write([denied("b.test")]);
  await shows("b.test");
  fs.renameSync(file, previousOf(file));
  write([denied("c.test")]);
  await shows("c.test");
  expect(
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).host),
  ).toEqual(["a.test", "b.test", "c.test"]);
  child.kill("SIGINT");
  expect(await ended).toBe("SIGINT");
});

test("-f ends when nobody reads any more", async () => {
  write([denied("a.test")]);
  const [program, args] = stage.lab.words(["log", "-f"]);
  const script = '"$@" | head -n 1';
  const child = spawn("sh", ["-c", script, "sh", program, ...args], {
    cwd: stage.project,
    env: stage.lab.env,
    detached: true,
  });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  const ended = new Promise((resolve) => child.on("close", () => resolve("ended")));
  const patience = Bun.sleep(30_000).then(() => "still there");
  const outcome = await Promise.race([ended, patience]);
  if (outcome !== "ended") process.kill(-child.pid!, "SIGKILL");
  expect(outcome).toBe("ended");
  expect(text).toContain("a.test");
});
