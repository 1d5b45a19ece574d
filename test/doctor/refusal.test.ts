import { describe, expect, test } from "bun:test";
import { privateBwrap } from "../../src/backends/bubblewrap.ts";
import { type Refused, recogniseRefusal } from "../../src/doctor/refusal.ts";

const plain: Refused = {
  uid: 1000,
  distribution: { title: "Ubuntu 24.04 LTS", ids: ["ubuntu", "debian"] },
  wsl: undefined,
  engine: undefined,
  confinement: { seccompMode: 0, bounding: 0x1ffffffffffn, isNoNewPrivileges: false },
  userns: { clone: undefined, max: 60_000, apparmor: undefined },
  bwrap: "/usr/bin/bwrap",
  isSetuid: false,
};

const ubuntu = { userns: { clone: 1, max: 60_000, apparmor: 1 } };
const debianLocked = { userns: { clone: 0, max: 60_000, apparmor: undefined } };
const noMore = { userns: { clone: undefined, max: 0, apparmor: undefined } };
const filtered = { confinement: { ...plain.confinement, seccompMode: 2 } };
const forbidden =
  "bwrap: No permissions to create new namespace, likely because the kernel does not allow non-privileged user namespaces.";
const formerly = forbidden.replace("create", "creating");
const exhausted =
  "bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)";
const unsupported =
  "bwrap: Creating new namespace failed, likely because the kernel does not support user namespaces.  bwrap must be installed setuid on such systems.";

const cases: [string, Partial<Refused>, string, RegExp, RegExp][] = [
  ["Ubuntu, uid map", ubuntu, "bwrap: setting up uid map: Permission denied", /AppArmor restricts/, /apparmor_parser/],
  ["Ubuntu, uid map of root's", ubuntu, "bwrap: setting up uid map: Operation not permitted", /AppArmor/, /userns,/],
  [
    "Ubuntu, loopback",
    ubuntu,
    "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted",
    /AppArmor restricts/,
    new RegExp(privateBwrap),
  ],
  ["Ubuntu, mounts", ubuntu, "bwrap: Failed to make / slave: Permission denied", /AppArmor restricts/, /userns,/],
  ["Ubuntu, namespaces", ubuntu, "bwrap: Creating new namespace failed: Permission denied", /AppArmor/, /userns,/],
  [
    "another security module",
    {},
    "bwrap: setting up uid map: Permission denied",
    /security module.*uid map/,
    /plain terminal/,
  ],
  ["Debian's sysctl", debianLocked, forbidden, /sysctl/, /kernel\.unprivileged_userns_clone=1/],
  ["Debian's sysctl, older words", debianLocked, formerly, /sysctl/, /kernel\.unprivileged_userns_clone=1/],
  ["no namespaces left", noMore, exhausted, /max_user_namespaces is 0/, /user\.max_user_namespaces=\d+/],
  ["nested too deep", {}, exhausted, /nested/, /outside the sandbox/],
  ["a filter", filtered, forbidden, /system call filter/, /plain terminal/],
  ["docker, seccomp", { engine: "docker", ...filtered }, forbidden, /docker/, /seccomp=unconfined/],
  [
    "docker as root",
    { engine: "docker", uid: 0 },
    "bwrap: Creating new namespace failed: Operation not permitted",
    /docker container forbids/,
    /seccomp=unconfined/,
  ],
  [
    "docker on Ubuntu",
    { engine: "docker", ...ubuntu },
    "bwrap: Failed to make / slave: Permission denied",
    /mounting is refused/,
    /apparmor=unconfined/,
  ],
  ["docker, pivot", { engine: "docker" }, "bwrap: pivot_root: Permission denied", /pivot_root/, /apparmor=unconfined/],
  [
    "docker, masked /proc",
    { engine: "docker" },
    "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
    /masked/,
    /systempaths=unconfined/,
  ],
  [
    "podman, masked /proc",
    { engine: "podman" },
    "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
    /masked/,
    /unmask=ALL/,
  ],
  ["lxc", { engine: "lxc" }, "bwrap: pivot_root: Permission denied", /mounting/, /security\.nesting=true/],
  ["kubernetes", { engine: "kubernetes" }, forbidden, /kubernetes/, /seccompProfile/],
  ["WSL 1", { wsl: 1 }, unsupported, /no user namespaces/, /--set-version/],
  ["an old kernel", {}, unsupported, /no user namespaces/, /CONFIG_USER_NS/],
  ["too old", {}, "bwrap: Unknown option --perms", /too old.*--perms/, /sudo apt-get install bubblewrap.*0\.8/],
  [
    "setuid, size",
    { isSetuid: true },
    "bwrap: The --size option is not permitted in setuid mode",
    /setuid/,
    /sudo chmod u-s \/usr\/bin\/bwrap/,
  ],
  [
    "setuid, userns",
    { isSetuid: true },
    "bwrap: cannot open /proc/sys/user/max_user_namespaces: Permission denied",
    /setuid/,
    /chmod u-s/,
  ],
  [
    "not setuid, userns",
    {},
    "bwrap: cannot open /proc/sys/user/max_user_namespaces: Read-only file system",
    /max_user_namespaces/,
    /outside the sandbox/,
  ],
  [
    "file capabilities",
    {},
    "bwrap: Unexpected capabilities but not setuid, old file caps config?",
    /capabilities/,
    /setcap -r \/usr\/bin\/bwrap/,
  ],
  [
    "no filters in the kernel",
    {},
    "bwrap: Unable to set up system call filtering as requested: prctl(PR_SET_SECCOMP) reported EINVAL.",
    /filter/,
    /CONFIG_SECCOMP_FILTER/,
  ],
];

describe("every refusal of bubblewrap's is named with the narrowest fix", () => {
  test.each(cases)("%s", (_name, situation, message, reason, fix) => {
    const refusal = recogniseRefusal(`${message}\n`, { ...plain, ...situation });
    expect(refusal.reason).toMatch(reason);
    expect(refusal.fix).toMatch(fix);
  });

  test("an unknown message is passed on", () => {
    const stderr = "warning: x\nbwrap: Can't find source path /nowhere: No such file or directory\n";
    expect(recogniseRefusal(stderr, plain)).toEqual({
      reason: "bwrap: Can't find source path /nowhere: No such file or directory",
    });
  });

  test("root needs no sudo, and no fix switches a protection off for the whole system", () => {
    const stderr = "bwrap: setting up uid map: Permission denied";
    expect(recogniseRefusal(stderr, { ...plain, ...ubuntu }).fix).toMatch(/^sudo install/m);
    expect(recogniseRefusal(stderr, { ...plain, ...ubuntu, uid: 0 }).fix).not.toContain("sudo");
    for (const [, situation, message] of cases)
      expect(recogniseRefusal(message, { ...plain, ...situation }).fix).not.toMatch(/apparmor_restrict_unpriv\w+=0/);
  });
});
