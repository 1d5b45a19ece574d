import { errorOf } from "../errors.ts";
import { runPipeline } from "../exec.ts";
import type { Host } from "../host.ts";
import type { Mount } from "../plan/plan.ts";
import { bindAt, openClosedRoom } from "../workspace/closed-room.ts";
import { encodeName } from "../workspace/name-bytes.ts";
import type { Repository } from "../workspace/repository.ts";
import { showPath } from "../workspace/shown-path.ts";
import { type Listing, listAll, listWorkingTree } from "./listing.ts";

export type Copying = {
  host: Host;
  /** The project's top, a real path. */
  project: string;
  /** Undefined when there is no git: then everything is copied. */
  repository: Repository | undefined;
  /** An empty directory of cordon's own. */
  into: string;
  /** Path of git on the host. */
  git: string;
};

export type Copied = {
  /** Regular files and links. */
  files: number;
  /** What did not come along, as sentences for the user without their full stops. */
  notes: string[];
};

const copyTimeoutMs = 60 * 60_000;
const mostComplaintBytes = 1024 * 1024;
const mostNamed = 3;

/** Where things stand in the sandbox of the copy. */
const inside = { from: "/run/cordon/from", into: "/run/cordon/into", lists: "/run/cordon/lists" } as const;

/**
 * Copies a project's files: links as links, holes as holes, blocks shared where the file system can. Everything then belongs to this user, who may enter every directory; extended attributes and the bits
 * that lend somebody's rights stay behind. An agent may be writing there at the same time: so the copy is made in a
 * sandbox that holds nothing but the system, the project (read-only) and the target, and a link leads nowhere else.
 *
 * With git no `.git` is copied. Who mounts private ones over the copy needs to make no mount points for them when the
 * copy is shown for writing: bubblewrap makes them. Throws E_LAUNCH_FAILED when the copy is not complete, for another
 * reason than that a file is gone or closed to this user; what is there then is the caller's to remove.
 */
export const copyProject = async ({ host, project, repository, into, git }: Copying): Promise<Copied> => {
  const listing = repository ? await listWorkingTree(repository, git) : listAll(project);
  const complaints = await copyListed(host, project, into, listing);
  const lost = complaints.filter((line) => line !== "");
  const fatal = lost.find((line) => !tolerable.test(line));
  if (fatal !== undefined) throw failed(showPath(fatal));
  const missing = [...listing.unreadable.map(showPath), ...lost.map(nameIn)];
  const notes = [
    ...describe("is a socket, a pipe or a device and stays outside", listing.special.map(showPath)),
    ...describe("could not be read and is missing", missing),
  ];
  return { files: listing.files.length - lost.length, notes };
};

/** What somebody else's file, or one that is being removed or replaced, makes cp(1) say. */
const tolerable =
  /^cp: (cannot (open|stat|access|read symbolic link|create special file)|failed to get attributes of) .*: (Permission denied|No such file or directory|Not a directory|Operation not permitted)$|^cp: skipping file .*, as it was replaced while being copied$/;

/** The name in a complaint. */
const nameIn = (complaint: string): string => showPath(/^cp: [a-z ]*'(.*)'/.exec(complaint)?.[1] ?? complaint);

const describe = (verdict: string, names: string[]): string[] => {
  if (names.length === 0) return [];
  const more = names.length > mostNamed ? ` (and ${names.length - mostNamed} more)` : "";
  return [`${names.slice(0, mostNamed).join(", ")}${more} ${verdict}`];
};

const failed = (problem: string): Error => errorOf("E_LAUNCH_FAILED", "the project cannot be copied", problem);

/**
 * `-R` so that a file that has become a pipe meanwhile is not waited for. Of directories only the permissions are asked
 * for that the others do not have anyway. `$@` are those of the lists that name directories by their permissions.
 */
const script = `umask 0
exec 2>&1
cd ${inside.into} && xargs -0 -r mkdir -m 755 -- <${inside.lists}/directories || exit 1
for mode; do xargs -0 -r chmod "$mode" -- <${inside.lists}/$mode || exit 1; done
cd ${inside.from} || exit 1
xargs -0 -r cp -dR --parents --preserve=timestamps,links --reflink=auto -t ${inside.into} -- <${inside.lists}/files
[ $? -le 123 ]
`;

/** Gives what the tools complained about, line by line. */
const copyListed = async (host: Host, project: string, into: string, listing: Listing): Promise<string[]> => {
  const { modes, mounts } = describeCopy(project, into, listing);
  const { program, release } = openClosedRoom(host, ["/bin/sh", "-c", script, "sh", ...modes], mounts);
  try {
    const done = await runPipeline([program], { timeoutMs: copyTimeoutMs, maxBytes: mostComplaintBytes });
    if (done.isTimedOut) throw failed("it takes too long");
    if (done.isTooLong) throw failed("too many of its files cannot be read");
    const lines = Buffer.from(done.stdout).toString().split("\n");
    if (done.codes[0] !== 0) throw failed(showPath(lines[0] || done.errors[0]?.split("\n")[0] || "no reason given"));
    return lines;
  } finally {
    release();
  }
};

const usual = 0o755;

const describeCopy = (project: string, into: string, { directories, files }: Listing) => {
  const byMode = new Map<string, string[]>();
  for (const [directory, mode] of directories) {
    const wanted = (mode | 0o700).toString(8);
    if ((mode | 0o700) !== usual) byMode.set(wanted, [...(byMode.get(wanted) ?? []), directory]);
  }
  const parentsFirst = [...directories.keys()].sort();
  const lists = [["directories", parentsFirst] as const, ["files", files] as const, ...byMode];
  const mounts: Mount[] = [
    bindAt(project, inside.from, "ro"),
    bindAt(into, inside.into, "rw"),
    ...lists.map(
      ([name, paths]): Mount => ({
        ...{ kind: "bytes", bytes: joinPaths(paths), target: `${inside.lists}/${name}` },
        ...{ permissions: 0o400, origin: "copy" },
      }),
    ),
  ];
  return { modes: [...byMode.keys()], mounts };
};

const joinPaths = (paths: readonly string[]): Uint8Array =>
  Buffer.from(encodeName(paths.map((path) => `${path}\0`).join("")) as string);
