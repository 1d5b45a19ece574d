import { appArmorFix } from "./apparmor.ts";
import { liftWall } from "./container.ts";
import { asRoot, installCommand } from "./distribution.ts";
import { fixUserns } from "./kernel.ts";
import type { Situation } from "./situation.ts";

export type Refusal = { reason: string; fix?: string };

/** The surroundings of a bubblewrap that has just refused. */
export type Refused = Pick<Situation, "uid" | "distribution" | "wsl" | "engine" | "confinement" | "userns"> & {
  bwrap: string;
  isSetuid: boolean;
};

type Recogniser = { pattern: RegExp; explain(match: RegExpExecArray, about: Refused): Refusal };

/**
 * Why bubblewrap made no sandbox, from its own message and what is known of the machine. Pure. An unknown message is
 * given back as it is. The messages are those of bubblewrap 0.4 to 0.11.
 */
export const recogniseRefusal = (stderr: string, about: Refused): Refusal => {
  for (const { pattern, explain } of recognisers) {
    const match = pattern.exec(stderr);
    if (match) return explain(match, about);
  }
  const lines = stderr.split("\n").filter(Boolean);
  return { reason: lines.findLast((line) => line.startsWith("bwrap: ")) ?? lines.at(-1) ?? "it says nothing" };
};

const denied = "(?:Permission denied|Operation not permitted)";

const recognisers: Recogniser[] = [
  {
    pattern: /Unknown option (--[\w-]+)/,
    explain: ([, option], about) => ({
      reason: `this bubblewrap is too old: it has no ${option}`,
      fix: `${installCommand(about.distribution, "bubblewrap", about.uid)} from a newer release; 0.8 or later is best`,
    }),
  },
  {
    pattern: /in setuid mode|cannot open \/proc\/sys\/user\/max_user_namespaces/,
    explain: (match, about) =>
      about.isSetuid || match[0].includes("setuid")
        ? {
            reason: "bubblewrap is installed setuid root, which forbids what the sandbox needs",
            fix: dropSetuid(about),
          }
        : { reason: match[0], fix: "start cordon outside the sandbox that it is in" },
  },
  {
    pattern: /kernel does not support user namespaces|Creating new namespace failed: Invalid argument/,
    explain: (_match, { wsl }) => ({
      reason: "the kernel has no user namespaces",
      fix: wsl === undefined ? "a kernel with CONFIG_USER_NS" : "`wsl --set-version DISTRIBUTION 2` in PowerShell",
    }),
  },
  {
    pattern: /\(ENOSPC\)|Creating new namespace failed: No space left on device/,
    explain: (_match, about) => {
      const fix = fixUserns(about);
      return fix !== undefined
        ? { reason: "user.max_user_namespaces is 0: no user namespaces on this system", fix }
        : { reason: "no further namespace may be nested here", fix: "start cordon outside the sandbox that it is in" };
    },
  },
  {
    pattern: /No permissions to creat|Creating new namespace failed: (?:Operation not permitted|Permission denied)/,
    explain: (_match, about) => explainNamespaces(about),
  },
  {
    pattern: new RegExp(
      `setting up [ug]id map: ${denied}|loopback: Failed [\\w ]+: ${denied}|capset failed: ${denied}`,
    ),
    explain: ([message], about) =>
      isAppArmor(about)
        ? explainAppArmor(about)
        : {
            reason: `a security module such as AppArmor takes the rights of the user namespace away (${message})`,
            fix: leaveWall(about, "mounts"),
          },
  },
  {
    pattern: new RegExp(`Can't mount proc on \\S+: ${denied}`),
    explain: (_match, about) => ({
      reason: "a /proc of its own is refused, because parts of the present one are masked",
      fix: leaveWall(about, "proc"),
    }),
  },
  {
    pattern: new RegExp(
      `(Failed to make / slave|Failed to mount tmpfs|pivot_root|Can't [\\w ]*mount [^:]*): ${denied}`,
    ),
    explain: ([, step], about) =>
      isAppArmor(about)
        ? explainAppArmor(about)
        : { reason: `mounting is refused (${step})`, fix: leaveWall(about, "mounts") },
  },
  {
    pattern: /Unexpected capabilities but not setuid/,
    explain: (_match, about) => ({
      reason: "this process, or the bwrap file, has capabilities and is neither root nor setuid",
      fix: `start cordon without capabilities, or \`${asRoot(about.uid, `setcap -r ${about.bwrap}`)}\``,
    }),
  },
  {
    pattern: /system call filtering|prctl\(PR_SET_SECCOMP\)/,
    explain: () => ({
      reason: "the kernel refuses the system call filter",
      fix: "a kernel with CONFIG_SECCOMP_FILTER",
    }),
  },
];

const explainNamespaces = (about: Refused): Refusal => {
  const fix = fixUserns(about);
  if (fix !== undefined) return { reason: "a sysctl forbids user namespaces to ordinary users", fix };
  if (about.engine !== undefined)
    return { reason: `the ${about.engine} container forbids namespaces`, fix: liftWall(about.engine, "namespaces") };
  if (isAppArmor(about)) return explainAppArmor(about);
  const by = about.confinement.seccompMode === 2 ? "a system call filter around this process" : "the system";
  return { reason: `${by} forbids new namespaces`, fix: "start cordon from a plain terminal of the host" };
};

/**
 * Ubuntu's restriction lets a user namespace be made and takes its capabilities away, so that the steps after fail.
 * In a container the engine's own profile stands in front of it, and a profile can only be loaded on the host.
 */
const isAppArmor = ({ userns, engine }: Refused): boolean => (userns.apparmor ?? 0) > 0 && engine === undefined;

const explainAppArmor = ({ bwrap, uid }: Refused): Refusal => ({
  reason: "AppArmor restricts user namespaces on this system",
  fix: appArmorFix(bwrap, uid),
});

const leaveWall = ({ engine }: Refused, wall: Parameters<typeof liftWall>[1]): string =>
  engine === undefined ? "start cordon from a plain terminal of the host" : liftWall(engine, wall);

/** Without the bit bubblewrap uses user namespaces, which need no privilege. */
export const dropSetuid = ({ bwrap, uid }: Pick<Refused, "bwrap" | "uid">): string =>
  `\`${asRoot(uid, `chmod u-s ${bwrap}`)}\``;
