import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileSeccomp } from "../../src/backends/seccomp.ts";
import {
  checksOf,
  createScratch,
  isRoot,
  plantBwrap,
  removeScratch,
  runDoctorIn,
  systemPath,
  unprivileged,
} from "./scratch.ts";

let scratch: string;
beforeAll(async () => {
  scratch = await createScratch();
}, 60_000);
afterAll(() => removeScratch(scratch));

const json = ["--json"];

describe("on this machine", () => {
  const users: [string, string[]][] = isRoot
    ? [
        ["root", []],
        ["uid 1234", unprivileged],
      ]
    : [["this user", []]];

  test.each(users)("as %s a sandbox is really made, and everything needed is there", (_who, prefix) => {
    const result = runDoctorIn({ scratch, prefix, args: json });
    const checks = checksOf(result);
    expect(checks["sandbox"]).toMatchObject({ ok: true, level: "required" });
    expect(checks["filtered network"]).toMatchObject({ ok: true });
    expect(checks["bubblewrap"]?.found).toMatch(/bwrap, version \d/);
    expect(Object.values(checks).filter(({ level, ok }) => level === "required" && !ok)).toEqual([]);
    expect(result.status).toBe(0);
    for (const check of Object.values(checks)) if (!check.ok) expect(check.fix).toBeString();
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("cordon-doctor-"))).toEqual([]);
  });

  test("as text it ends with the verdict and has no colour in a pipe", () => {
    const { stdout, status } = runDoctorIn({ scratch });
    expect(stdout).toMatch(/^✓ sandbox +works/m);
    expect(stdout).toEndWith("\ncordon works here.\n");
    expect(stdout).not.toContain("\u001b");
    expect(status).toBe(0);
  });
});

describe("with another bubblewrap", () => {
  test("none: the fix installs it", () => {
    const empty = join(scratch, "empty");
    mkdirSync(empty);
    const result = runDoctorIn({ scratch, searchPath: empty, args: json });
    expect(checksOf(result)["bubblewrap"]).toMatchObject({ ok: false, found: "`bwrap` is not on PATH" });
    expect(checksOf(result)["bubblewrap"]?.fix).toContain("bubblewrap");
    expect(checksOf(result)["sandbox"]).toBeUndefined();
    expect(result.status).toBe(1);
  });

  test.each([
    ["AppArmor, uid map", "0.9.0", "bwrap: setting up uid map: Permission denied", /AppArmor/],
    ["AppArmor, loopback", "0.9.0", "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", /AppArmor/],
    ["too old", "0.4.1", "bwrap: Unknown option --perms", /too old/],
  ])("%s", (name, version, message, reason) => {
    const fake = plantBwrap(scratch, name.replaceAll(" ", "-"), version, message);
    const result = runDoctorIn({ scratch, searchPath: `${fake}:${systemPath}`, args: json });
    const { sandbox, bubblewrap } = checksOf(result);
    expect(sandbox).toMatchObject({ ok: false, level: "required" });
    expect(sandbox?.found).toMatch(reason);
    expect(sandbox?.fix).toBeString();
    expect(bubblewrap?.found).toContain(version);
    expect(result.status).toBe(1);
  });

  test("one that runs everything unconfined does not pass", () => {
    const fake = join(scratch, "unconfined");
    mkdirSync(fake);
    const script = `#!/bin/sh\n[ "$1" = --version ] && { echo bubblewrap 0.9.0; exit; }\nexec cat /proc/self/status\n`;
    writeFileSync(join(fake, "bwrap"), script, { mode: 0o755 });
    const result = runDoctorIn({ scratch, searchPath: `${fake}:${systemPath}`, args: json });
    expect(checksOf(result)["sandbox"]?.found).toContain("confines nothing");
    expect(result.status).toBe(1);
  });

  test.if(isRoot)("a setuid one is named, with the bit to take away", () => {
    const directory = join(scratch, "setuid");
    mkdirSync(directory);
    copyFileSync(Bun.which("bwrap", { PATH: systemPath })!, join(directory, "bwrap"));
    chmodSync(join(directory, "bwrap"), 0o4755);
    const result = runDoctorIn({ scratch, prefix: unprivileged, searchPath: `${directory}:${systemPath}`, args: json });
    const { sandbox, bubblewrap } = checksOf(result);
    expect(bubblewrap?.found).toContain("setuid root");
    expect(bubblewrap?.fix).toContain("chmod u-s");
    expect(sandbox).toMatchObject({ ok: true });
  });
});

describe("where namespaces are forbidden", () => {
  test("by max_user_namespaces", () => {
    const script = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"';
    const prefix = [...unprivileged, "unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"];
    const result = runDoctorIn({ scratch, prefix, args: json });
    const checks = checksOf(result);
    expect(checks["user namespaces"]).toMatchObject({ ok: false });
    expect(checks["sandbox"]?.found).toBe("user.max_user_namespaces is 0: no user namespaces on this system");
    expect(checks["sandbox"]?.fix).toContain("user.max_user_namespaces=");
    expect(result.status).toBe(1);
  });

  test("by the filter of a sandbox around", () => {
    const filter = join(scratch, "filter");
    const arch = process.arch === "arm64" ? "arm64" : "x64";
    writeFileSync(filter, compileSeccomp({ arch, allowUserns: false }));
    const system = ["/lib", "/lib64", "/bin"].filter((target) => existsSync(target));
    const prefix = [
      ...["sh", "-c", `exec 3<"$0"; exec "$@"`, filter, ...unprivileged, "bwrap", "--unshare-user", "--unshare-pid"],
      ...["--ro-bind", "/usr", "/usr", ...system.flatMap((target) => ["--ro-bind", target, target])],
      ...[
        "--ro-bind",
        "/etc",
        "/etc",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/tmp",
        "--bind",
        scratch,
        scratch,
      ],
      ...["--seccomp", "3", "--"],
    ];
    const result = runDoctorIn({ scratch, prefix, args: json });
    const checks = checksOf(result);
    expect(checks["system call filter"]?.found).toContain("under a filter");
    expect(checks["sandbox"]?.found).toContain("system call filter");
    expect(result.status).toBe(1);
  });
});

describe("cordon's own things", () => {
  test("a broken configuration is a failed check, and the rest is still shown", () => {
    const config = join(scratch, "config");
    mkdirSync(join(config, "cordon"), { recursive: true });
    writeFileSync(join(config, "cordon/config.toml"), "nonsense = [\n");
    chmodSync(join(config, "cordon"), 0o700);
    const result = runDoctorIn({ scratch, args: json, env: { XDG_CONFIG_HOME: config } });
    expect(checksOf(result)["configuration"]).toMatchObject({ ok: false, level: "required" });
    expect(checksOf(result)["sandbox"]).toMatchObject({ ok: true });
    expect(result.status).toBe(1);
  });

  test("--fix makes its directories private, leaves links alone and says so", () => {
    const state = join(scratch, "state");
    const cache = join(scratch, "cache");
    const shared = join(scratch, "shared");
    for (const directory of [join(state, "cordon"), cache, shared]) {
      mkdirSync(directory, { recursive: true });
      chmodSync(directory, 0o755);
    }
    symlinkSync(shared, join(cache, "cordon"));
    const env = { XDG_STATE_HOME: state, XDG_CACHE_HOME: cache };
    const before = checksOf(runDoctorIn({ scratch, args: json, env }));
    expect(before["places"]).toMatchObject({ ok: false, level: "advice" });
    const { stdout, status } = runDoctorIn({ scratch, args: ["--fix"], env });
    expect(stdout).toContain(`fixed: ${join(state, "cordon")} is private now`);
    expect(stdout).toContain("cordon never becomes root by itself");
    expect(status).toBe(0);
    expect(statSync(join(state, "cordon")).mode & 0o777).toBe(0o700);
    expect(statSync(shared).mode & 0o777).toBe(0o755);
  });
});
