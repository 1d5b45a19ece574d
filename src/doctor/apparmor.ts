import { privateBwrap } from "../backends/bubblewrap.ts";
import { asRoot } from "./distribution.ts";

const profileFile = "/etc/apparmor.d/cordon-bwrap";

// Syntax: apparmor.d(5), AppArmor 4. Unconfined, because a confined bwrap hands its missing capabilities down to a
// bwrap inside it; the permission to make user namespaces is what the system withholds otherwise.
const profile = [
  "abi <abi/4.0>,",
  "include <tunables/global>",
  `profile cordon-bwrap ${privateBwrap} flags=(unconfined) {`,
  "  userns,",
  "}",
];

/**
 * The commands that let cordon's own copy make user namespaces and leave the restriction in place for everything
 * else. They need root, so they are printed, never run.
 */
export const appArmorFix = (bwrap: string, uid: number): string =>
  [
    "give cordon a bubblewrap of its own, with a profile for that copy only; type:",
    asRoot(uid, `install -D -o root -g root -m 0755 ${quote(bwrap)} ${privateBwrap}`),
    asRoot(uid, `tee ${profileFile} >/dev/null <<'END'`),
    ...profile,
    "END",
    asRoot(uid, `apparmor_parser -r ${profileFile}`),
  ].join("\n");

const quote = (text: string): string => (/^[\w/.+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
