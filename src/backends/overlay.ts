import { errorOf } from "../errors.ts";
import { findProgram } from "../exec.ts";
import type { Host } from "../host.ts";
import type { Mount, Overlay, Plan } from "../plan/plan.ts";

/** What makes an overlay outside of the sandbox: bubblewrap before 0.11 cannot, and none takes any name for it. */
export type OverlayTools = { unshare: string; mount: string };

export const overlaysOf = (plan: Plan): Overlay[] =>
  plan.mounts.flatMap((mount: Mount) => (mount.kind === "overlay" ? [mount] : []));

/** Undefined when this machine does not have them. A tool that the project brings does not count. */
export const findOverlayTools = (host: Host, workdir: string): OverlayTools | undefined => {
  const [unshare, mount] = ["unshare", "mount"].map((name) => findProgram(name, host.env["PATH"], workdir));
  return unshare === undefined || mount === undefined ? undefined : { unshare, mount };
};

/** Where the overlay of a room is, for those who come behind the prefix. */
export const mergedOf = ({ room }: Pick<Overlay, "room">): string => `${room}/merged`;

/**
 * Names below the room, so nothing in them needs escaping. `userxattr` is what a user namespace may use
 * (overlayfs.rst, "User xattr"); without it the kernel would ask for attributes that only root may set.
 */
const optionsOf = ({ mode }: Overlay): string =>
  mode === "rw" ? "userxattr,lowerdir=lower,upperdir=upper,workdir=work" : "userxattr,lowerdir=upper:lower";

/**
 * Root of a user namespace of its own may mount: this shell makes the mounts, which nobody else sees and which are gone
 * with the last process that does, and becomes the command. Words: `mount`, the program that must not be written or an
 * empty word, three for each overlay (options, room, lower), `--`, the command.
 *
 * The program is laid over itself, read-only: the sandbox could else open it for writing through /proc/PID/exe, and a
 * sealed copy is out of reach here, since nobody in a user namespace looks into a process outside of it.
 *
 * bubblewrap dies with its parent only when that one is still there as it starts: so the shell looks once more.
 */
const SCRIPT = `mount=$1 program=$2
shift 2
refuse() {
  echo "cordon: the session's files cannot be laid over the project's: \${said%%
*}" >&2
  exit 125
}
try() {
  said=$("$mount" -n -i "$@" 2>&1) || refuse
}
while [ "$1" != -- ]; do
  said="cannot enter $2"
  cd "$2" || refuse
  try --bind "$3" lower
  try -t overlay -o "$1" overlay merged
  shift 3
done
shift
cd / || exit 125
if [ -n "$program" ]; then
  try --bind "$program" "$program"
  try -o remount,bind,ro "$program"
fi
read -r _ _ _ parent _ </proc/$$/stat
[ "$parent" = "$PPID" ] || exit 125
exec "$@"
`;

/**
 * What stands in front of bubblewrap to lay the overlays of a plan; nothing when it has none. `guarded` is a program
 * that the sandbox could write. Throws E_LAUNCH_FAILED when the machine has no tools for it, or two share a room.
 */
export const overlayPrefix = (
  overlays: Overlay[],
  tools: OverlayTools | undefined,
  guarded: string | undefined,
): string[] => {
  if (overlays.length === 0) return [];
  if (tools === undefined) throw errorOf("E_LAUNCH_FAILED", "overlay", "`unshare` or `mount` is not installed");
  if (new Set(overlays.map(({ room }) => room)).size < overlays.length)
    throw errorOf("E_LAUNCH_FAILED", "overlay", "a room can be shown once only");
  return [
    ...[tools.unshare, "--user", "--map-root-user", "--mount", "--propagation", "private", "--"],
    ...["/bin/sh", "-c", SCRIPT, "sh", tools.mount, guarded ?? ""],
    ...overlays.flatMap((overlay) => [optionsOf(overlay), overlay.room, overlay.lower]),
    "--",
  ];
};
