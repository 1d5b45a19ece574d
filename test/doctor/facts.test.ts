import { describe, expect, test } from "bun:test";
import { checkBwrap } from "../../src/doctor/bwrap.ts";
import {
  type ContainerMarks,
  describeConfinement,
  parseStatus,
  recogniseContainer,
} from "../../src/doctor/container.ts";
import { installCommand, parseRelease } from "../../src/doctor/distribution.ts";
import { checkGroups, checkKvm, checkUser } from "../../src/doctor/identity.ts";
import { checkSeccomp, checkSystem, checkUserns, isLocked, recogniseWsl } from "../../src/doctor/kernel.ts";
import { checkLimits } from "../../src/doctor/limits.ts";
import { checkDisk, checkPlaces } from "../../src/doctor/places.ts";
import { renderChecks, renderVerdict } from "../../src/doctor/render.ts";
import { judge } from "../../src/doctor/sandbox.ts";
import type { Situation } from "../../src/doctor/situation.ts";
import { checkAgents, checkConfig, checkTerminal } from "../../src/doctor/surroundings.ts";
import { checkDocker, checkGit, checkRunc } from "../../src/doctor/tools.ts";
import { CordonError, errorOf } from "../../src/errors.ts";

const debian = parseRelease('PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n');
const status = (seccomp: number, bounding: string) =>
  `CapEff:\t0000000000000000\nCapBnd:\t${bounding}\nNoNewPrivs:\t1\nSeccomp:\t${seccomp}\n`;
const situation: Situation = {
  uid: 1000,
  distribution: debian,
  kernel: "6.1.0-13-amd64",
  wsl: undefined,
  engine: undefined,
  confinement: parseStatus(status(0, "000001ffffffffff")),
  userns: { clone: undefined, max: 60_000, apparmor: undefined },
  seccompActions: "kill_process kill_thread trap errno user_notif trace log allow\n",
  hasChildrenFile: true,
};

describe("distributions", () => {
  test.each([
    ["ID=ubuntu\nID_LIKE=debian", "`sudo apt-get install bubblewrap`"],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"', "`sudo dnf install bubblewrap`"],
    ["ID=fedora", "`sudo dnf install bubblewrap`"],
    ["ID=manjaro\nID_LIKE=arch", "`sudo pacman -S bubblewrap`"],
    ['ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"', "`sudo zypper install bubblewrap`"],
    ["ID=alpine", "`sudo apk add bubblewrap`"],
    ["ID=nixos", "`nix-env -iA nixos.bubblewrap`"],
    ["ID=constructor", "install the package `bubblewrap` of your distribution"],
    ["", "install the package `bubblewrap` of your distribution"],
  ])("%s", (text, command) => expect(installCommand(parseRelease(text), "bubblewrap", 1000)).toBe(command));
});

describe("bubblewrap itself", () => {
  const judged = (version: number[], isSetuid = false) =>
    checkBwrap({ path: "/usr/bin/bwrap", version, isSetuid }, debian, 1000);

  test("missing", () => {
    expect(checkBwrap(undefined, debian, 1000)).toMatchObject({
      level: "required",
      ok: false,
      fix: "`sudo apt-get install bubblewrap`",
    });
  });

  test.each([
    [[0, 4, 0], false, "required", false, /--perms before 0\.5/],
    [[0, 5, 0], false, "advice", false, /--size before 0\.7.*--disable-userns before 0\.8/],
    [[0, 6, 1], false, "advice", false, /--size before 0\.7/],
    [[0, 7, 0], false, "advice", false, /version 0\.7\.0; no --disable-userns before 0\.8/],
    [[0, 8, 0], false, "required", true, /version 0\.8\.0$/],
    [[0, 11, 1], false, "required", true, /version 0\.11\.1$/],
    [[0, 4, 0], true, "required", false, /CVE-2020-5291/],
    [[0, 9, 0], true, "advice", false, /setuid root/],
    [[0], false, "advice", false, /does not say/],
  ] as const)("version %j, setuid %p", (version, isSetuid, level, ok, found) => {
    const check = judged([...version], isSetuid);
    expect(check).toMatchObject({ level, ok });
    expect(check.found).toMatch(found);
    expect(check.fix === undefined).toBe(ok);
  });

  test("the setuid bit is what to remove", () => expect(judged([0, 9, 0], true).fix).toContain("chmod u-s"));
});

describe("kernel", () => {
  test.each([
    ["4.4.0-19041-Microsoft", 1],
    ["5.15.90.1-microsoft-standard-WSL2", 2],
    ["4.19.128-microsoft-standard", 2],
    ["6.6.87.2-microsoft-standard-WSL2+", 2],
    ["6.8.0-31-generic", undefined],
  ] as const)("%s", (release, version) => expect(recogniseWsl(release)).toBe(version));

  test.each([
    [{}, "x64", true, /Debian.*6\.1\.0/],
    [{ wsl: 2 as const }, "x64", true, /WSL 2/],
    [{ wsl: 1 as const }, "x64", false, /no namespaces/],
    [{ kernel: "3.10.0-1160.el7.x86_64" }, "x64", false, /cgroup namespaces/],
    [{ kernel: "4.6.0" }, "arm64", true, /4\.6/],
    [{}, "ppc64", false, /processor/],
  ])("%j on %s", (changes, arch, ok, found) => {
    const check = checkSystem({ ...situation, ...changes }, arch);
    expect(check.ok).toBe(ok);
    expect(check.found).toMatch(found);
    expect(check.fix === undefined).toBe(ok);
  });

  test.each([
    [{ clone: undefined, max: 60_000, apparmor: undefined }, 1000, true, undefined],
    [{ clone: 1, max: 60_000, apparmor: 1 }, 1000, true, undefined],
    [{ clone: 0, max: 60_000, apparmor: undefined }, 1000, false, /unprivileged_userns_clone=1/],
    [{ clone: 0, max: 60_000, apparmor: undefined }, 0, true, undefined],
    [{ clone: 1, max: 0, apparmor: undefined }, 0, false, /max_user_namespaces=15000/],
  ] as const)("%j as uid %p", (userns, uid, ok, fix) => {
    const check = checkUserns({ ...situation, userns, uid });
    expect(check.ok).toBe(ok);
    if (fix) expect(check.fix).toMatch(fix);
    else expect(check.fix).toBeUndefined();
  });

  test("seccomp", () => {
    expect(checkSeccomp(situation).ok).toBeTrue();
    expect(checkSeccomp({ ...situation, confinement: parseStatus("CapBnd:\t0\n") }).ok).toBeFalse();
    expect(checkSeccomp({ ...situation, seccompActions: "kill trap errno trace allow" }).ok).toBeFalse();
    expect(checkSeccomp({ ...situation, confinement: parseStatus(status(2, "0")) }).found).toContain("under a filter");
  });

  test("only a locked process counts as a sandbox", () => {
    expect(isLocked(status(2, "0000000000000000"))).toBeTrue();
    expect(isLocked(status(0, "0000000000000000"))).toBeFalse();
    expect(isLocked(status(2, "0").replace("NoNewPrivs:\t1", "NoNewPrivs:\t0"))).toBeFalse();
    expect(isLocked(status(2, "0").replace("CapEff:\t00", "CapEff:\t01"))).toBeFalse();
    const about = { ...situation, bwrap: "/usr/bin/bwrap", isSetuid: false };
    const finished = { code: 0, stdout: "", stderr: "", isTimedOut: false };
    expect(judge({ name: "sandbox", level: "required" }, finished, about).found).toContain("confines nothing");
    const hanging = { ...finished, code: -1, isTimedOut: true };
    expect(judge({ name: "sandbox", level: "required" }, hanging, about).ok).toBeFalse();
  });
});

describe("containers", () => {
  const none: ContainerMarks = {
    hasDockerenv: false,
    containerenv: undefined,
    cgroup: "0::/init.scope\n",
    variable: undefined,
    hasKubernetes: false,
  };
  test.each([
    [{}, undefined],
    [{ hasDockerenv: true }, "docker"],
    [{ cgroup: "12:pids:/docker/4f1c\n" }, "docker"],
    [{ containerenv: "" }, "podman"],
    [{ hasDockerenv: true, containerenv: 'engine="podman-5"' }, "podman"],
    [{ hasDockerenv: true, hasKubernetes: true }, "kubernetes"],
    [{ cgroup: "0::/kubepods.slice/x\n" }, "kubernetes"],
    [{ variable: "lxc" }, "lxc"],
    [{ cgroup: "0::/lxc.payload.web/init.scope\n" }, "lxc"],
    [{ variable: "systemd-nspawn" }, "systemd-nspawn"],
    [{ variable: "oci" }, "container"],
  ] as const)("%j", (marks, engine) => expect(recogniseContainer({ ...none, ...marks })).toBe(engine));

  test("what Docker leaves to a process", () => {
    expect(describeConfinement(parseStatus(status(2, "00000000a80425fb")))).toBe(
      "a seccomp filter, no CAP_SYS_ADMIN, no new privileges",
    );
    expect(describeConfinement(parseStatus("CapBnd:\t000001ffffffffff\nNoNewPrivs:\t0\nSeccomp:\t0\n"))).toBe(
      "no seccomp filter, all the usual capabilities",
    );
  });
});

describe("known holes of the tools around", () => {
  test.each([
    ["git version 2.39.5", false],
    ["git version 2.43.6", false],
    ["git version 2.43.7", true],
    ["git version 2.47.2", false],
    ["git version 2.49.1", true],
    ["git version 2.50.0", false],
    ["git version 2.50.1 (Apple Git-155)", true],
    ["git version 2.51.0", true],
    ["git version 3.0.0", true],
  ])("%s", (output, ok) => expect(checkGit(output, debian, 1000).ok).toBe(ok));

  test("no git", () => expect(checkGit(undefined, debian, 0).fix).toBe("`apt-get install git`"));

  test.each([
    ["runc version 1.1.11", ["CVE-2024-21626", "CVE-2025-31133"]],
    ["runc version 1.1.12", ["CVE-2025-31133"]],
    ["runc version 1.2.7", ["CVE-2025-52565"]],
    ["runc version 1.2.8", []],
    ["runc version 1.3.2", ["CVE-2025-52881"]],
    ["runc version 1.3.3", []],
    ["runc version 1.4.0-rc.2", ["CVE-2025-31133"]],
    ["runc version 1.4.0-rc.3", []],
    ["runc version 1.4.0", []],
  ])("%s", (output, holes) => {
    const check = checkRunc(output);
    expect(check.ok).toBe(holes.length === 0);
    for (const hole of holes) expect(check.found).toContain(hole);
  });
  test("a hole that is closed is not named", () =>
    expect(checkRunc("runc version 1.1.12").found).not.toContain("21626"));

  test.each([
    ["28.2.2", true],
    ["28.3.0 Docker Engine - Community", true],
    ["28.3.0 Docker Desktop 4.43.2 (199162)", false],
    ["28.3.2 Docker Desktop 4.44.3 (202357)", true],
  ])("docker %s", (output, ok) => expect(checkDocker(output).ok).toBe(ok));
});

describe("user, limits, places", () => {
  test("root is advised against, by way of sudo all the more", () => {
    expect(checkUser(1000, undefined).ok).toBeTrue();
    expect(checkUser(0, undefined)).toMatchObject({ level: "advice", ok: false });
    expect(checkUser(0, "1000").fix).toContain("uid 1000");
  });

  const groupFile = "root:x:0:\ndocker:x:998:me\naudio:x:29:me\ndisk:x:6:\n";
  test.each([
    [[29], true, /none/],
    [[29, 998], false, /docker/],
    [[998, 6], false, /docker.*disk/],
  ])("groups %j", (gids, ok, found) => {
    const check = checkGroups(gids, groupFile, "me", 1000);
    expect(check).toMatchObject({ level: "advice", ok });
    expect(check.found).toMatch(found);
  });

  test("kvm", () => {
    expect(checkKvm("open", "me", 1000).ok).toBeTrue();
    expect(checkKvm("denied", "me", 1000).fix).toContain("setfacl -m u:me:rw");
    expect(checkKvm("missing", "me", 1000)).toMatchObject({ level: "advice", ok: false });
  });

  test("limits", () => {
    const free = { uid: 1000, engine: undefined };
    const all = { kind: "scope" as const, systemdRun: "/x", controllers: ["cpu", "memory", "pids"] as never };
    expect(checkLimits(all, free, "me").ok).toBeTrue();
    expect(checkLimits(undefined, free, "me").fix).toContain("loginctl enable-linger me");
    expect(checkLimits(undefined, { uid: 1000, engine: "docker" }, "me").fix).toContain("docker");
    const some = { kind: "v2" as const, parent: "/x", controllers: ["memory", "pids"] as never };
    expect(checkLimits(some, free, "me").found).toContain("not --cpus");
    expect(checkLimits(some, free, "me").fix).toContain("Delegate=");
  });

  test("places", () => {
    const fact = { name: "state" as const, path: "/h/state", kind: "directory" as const, isLink: false };
    expect(checkPlaces([{ ...fact, mode: 0o700, uid: 5 }], 5).ok).toBeTrue();
    expect(checkPlaces([{ ...fact, kind: "missing" }], 5).ok).toBeTrue();
    expect(checkPlaces([{ ...fact, mode: 0o755, uid: 5 }], 5)).toMatchObject({ level: "advice", ok: false });
    expect(checkPlaces([{ ...fact, mode: 0o700, uid: 6 }], 5)).toMatchObject({ level: "required", ok: false });
    expect(checkPlaces([{ ...fact, kind: "other" }], 5)).toMatchObject({ level: "required", ok: false });
    expect(checkDisk(1024 ** 3 - 1, "/h").ok).toBeFalse();
    expect(checkDisk(1024 ** 3, "/h").ok).toBeTrue();
  });

  test("configuration, agents, terminal", async () => {
    const broken = errorOf("E_CONFIG_INVALID", "config.toml", "`x` is no key");
    expect(await checkConfig(() => Promise.reject(broken))).toMatchObject({ level: "required", ok: false });
    expect((await checkConfig(async () => 1)).ok).toBeTrue();
    expect(checkConfig(() => Promise.reject(new TypeError("a defect")))).rejects.not.toBeInstanceOf(CordonError);
    expect(checkAgents([]).fix).toBeDefined();
    expect(checkAgents(["codex"]).ok).toBeTrue();
    const tty = { stdin: true, stdout: true, stderr: true };
    expect(checkTerminal(tty, "dumb").ok).toBeFalse();
    expect(checkTerminal(tty, "xterm-256color").ok).toBeTrue();
  });
});

describe("what is shown", () => {
  const checks = [
    { name: "a", level: "required" as const, ok: true, found: "fine" },
    { name: "long", level: "advice" as const, ok: false, found: "evil \u001b[31m name", fix: "type:\none\ntwo" },
    { name: "b", level: "required" as const, ok: false, found: "gone", fix: "get it" },
  ];

  test("is aligned, escaped, and keeps commands at the margin", async () => {
    const lines = await renderChecks(checks, false);
    expect(lines.join("\n")).not.toContain("\u001b");
    expect(lines[0]).toBe("✓ a     fine");
    expect(lines.slice(2)).toEqual(["        fix: type:", "one", "two", "✗ b     gone", "        fix: get it"]);
    expect((await renderChecks(checks, true)).join("")).toContain("\u001b[");
  });

  test("advice does not fail", () => {
    expect(renderVerdict(checks)).toEndWith(": b.");
    expect(renderVerdict(checks.slice(0, 2))).toBe("cordon works here.");
  });
});
