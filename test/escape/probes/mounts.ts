import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Facts, judge, type Probe } from "../facts.ts";
import { attempt } from "../reach.ts";
import { call, describeAdmitted } from "../syscall.ts";

const AT_FDCWD = -100;
const MS_RDONLY = 1;
const MS_REMOUNT_BIND = 0x20 | 0x1000;
const MNT_DETACH = 2;

interface MountPoint {
  path: string;
  readOnly: boolean;
}

/** Fields 5 and 6 of /proc/self/mountinfo, see proc_pid_mountinfo(5). */
const listMounts = (): MountPoint[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(" "))
    .map((fields) => ({ path: fields[4]!, readOnly: fields[5]!.split(",").includes("ro") }));

const remount = (flags: number, { path }: MountPoint): string | false =>
  call("mount", null, path, null, MS_REMOUNT_BIND | flags, null).error === "" && `${path} remounted`;

/** Root, the workspace and the probes themselves stay: without them nothing could report. */
const isExpendable = (facts: Facts, { path }: MountPoint): boolean =>
  path !== "/" && !path.startsWith("/proc") && !facts.workspace.startsWith(path) && !facts.kit.startsWith(path);

/** A shell script in a fresh user and mount namespace that renames what the mounts hid; succeeds if it got that far. */
function peel(facts: Facts): string | undefined {
  const script = 'umount -l "$1" 2>/dev/null; mount --bind / /mnt 2>/dev/null || mount -t tmpfs none /mnt';
  const { status } = spawnSync("unshare", ["-U", "-r", "-m", "sh", "-c", script, "sh", dirname(facts.secrets[0]!)]);
  return status === 0 ? "mounts can be rearranged in a new mount namespace" : undefined;
}

export const mountProbes: Probe[] = [
  {
    id: "FS-10",
    alone: true,
    attack: "undo read-only and masking mounts",
    attempt(facts) {
      const mounts = listMounts();
      return judge([
        ...mounts.filter((mount) => mount.readOnly).map((mount) => remount(0, mount)),
        remount(MS_RDONLY, { path: "/dev/shm", readOnly: false }),
        ...mounts
          .filter((mount) => isExpendable(facts, mount))
          .map(({ path }) => call("umount2", path, MNT_DETACH).error === "" && `${path} unmounted`),
        call("mount", "none", "/tmp", "tmpfs", 0, null).error === "" && "a file system was mounted over /tmp",
      ]);
    },
  },
  {
    id: "FS-12",
    attack: "peel the mounts off in a new user and mount namespace",
    attempt: (facts) => judge([peel(facts)]),
  },
  {
    id: "FS-13",
    attack: "new mount calls",
    attempt(facts) {
      const OPEN_TREE_CLONE = 1;
      return judge([
        describeAdmitted("open_tree", AT_FDCWD, "/", OPEN_TREE_CLONE),
        facts.seccomp && describeAdmitted("open_tree", AT_FDCWD, "/", 0),
        describeAdmitted("fsopen", "tmpfs", 0),
        describeAdmitted("fspick", AT_FDCWD, "/", 0),
        describeAdmitted("mount_setattr", AT_FDCWD, "/", 0, Buffer.alloc(32), 32),
      ]);
    },
  },
  {
    id: "FS-14",
    attack: "open files by handle, past every path check",
    attempt(facts) {
      const handle = Buffer.alloc(8 + 128);
      handle.writeUInt32LE(128, 0);
      const mountId = Buffer.alloc(4);
      call("name_to_handle_at", AT_FDCWD, facts.control, handle, mountId, 0);
      const directory = openSync(dirname(facts.control), "r");
      const admitted = describeAdmitted("open_by_handle_at", directory, handle, 0);
      closeSync(directory);
      return judge([admitted]);
    },
  },
  {
    id: "FS-15",
    attack: "make device nodes, or use those of the host",
    attempt(facts) {
      const S_IFCHR = 0o020000;
      const S_IFBLK = 0o060000;
      const makeNode = (name: string, mode: number, device: number): string | false => {
        const path = join(facts.workspace, name);
        const made = call("mknodat", AT_FDCWD, path, mode | 0o600, device).error === "";
        if (made) attempt(() => spawnSync("rm", ["-f", path]));
        return made && `${name} made`;
      };
      const nodes = ["mem", "kmem", "port", "kmsg", "vda", "sda", "nvme0n1", "loop0", "loop-control", "fuse", "kvm"];
      const more = ["net/tun", "vsock", "vhost-vsock", "uinput", "btrfs-control", "mapper/control", "userfaultfd"];
      const openNode = (name: string): string | undefined =>
        attempt(() => {
          closeSync(openSync(`/dev/${name}`, "r"));
          return `/dev/${name} can be opened`;
        });
      const MEMORY = (1 << 8) | 1;
      const FIRST_DISK = 8 << 8;
      return judge([
        makeNode("escape-mem", S_IFCHR, MEMORY),
        makeNode("escape-disk", S_IFBLK, FIRST_DISK),
        ...[...nodes, ...more].map(openNode),
      ]);
    },
  },
];
