import fs from "node:fs";
import path from "node:path";
import { bubblewrap, type Observed } from "../backends/bubblewrap.ts";
import { planProbe } from "../doctor/sandbox.ts";
import { errorOf } from "../errors.ts";
import type { Program } from "../exec.ts";
import type { Host } from "../host.ts";
import type { Step } from "../launch.ts";
import { isWithin } from "../places.ts";
import type { Mount, Plan } from "../plan/plan.ts";
import { carryOut } from "../run/steps.ts";
import { type ClosedRoom, isNeeded, startable } from "./closed-room.ts";
import { bounded, plainSettings, plainVariables } from "./git.ts";

/**
 * A sandbox for one look into a directory that somebody hostile has written: no network, an environment of its own,
 * everything read-only but a small private /tmp, unless a mount says otherwise. Whatever runs inside can only print.
 */
export type Throwaway = { program: Program; release(): void };

export type ThrowawayRequest = {
  host: Host;
  /** Names its control groups. */
  id: string;
  /** The private git directory; of linked working trees the one that they share. */
  directory: string;
  /**
   * A directory of cordon's own around it, when it is not that itself. The agent has made what is between the two: only
   * the sandbox follows a link there, and finds nothing.
   */
  root?: string | undefined;
  /** Of a linked working tree its own directory, relative to that; else empty. */
  below: string;
  /** Object stores of the host. */
  objects: string[];
  /** Path of git on the host; it is at the same place inside. */
  git: string;
  /** Shell words that say what is done there; `"$@"` is git. */
  script: string;
  memoryBytes: number;
  /** A directory of cordon's own that nobody else uses in this moment. */
  room: string;
  /** What else stands there: a session's files, a place for what is made of them. */
  mounts?: Mount[];
  /** Variables that come before its own. */
  env?: Record<string, string>;
};

/** Where the two stand inside. The private directory's own alternates name the stores there. */
export const gitInside = "/run/cordon/git";
export const objectsInside = (index: number): string => `/run/cordon/objects/${index}`;

/** Indexes beside the objects may lie about them: they are not used. */
const settings = [
  ...plainSettings,
  "advice.graftFileDeprecated=false",
  "core.commitGraph=false",
  "core.multiPackIndex=false",
  "pack.useBitmaps=false",
  "pack.threads=2",
  "pack.window=10",
  "pack.windowMemory=256m",
];

const mostProcesses = 64;
const tmpBytes = 64 * 1024 * 1024;

/** Prepares one; the caller runs the program and then releases it. Throws E_BACKEND_MISSING and E_LAUNCH_FAILED. */
export const prepareThrowaway = (request: ThrowawayRequest): Throwaway => {
  checkDirectory(request.directory);
  const plan = planThrowaway(request);
  const observed: Observed = bubblewrap.observe(request.host, plan);
  const launch = bubblewrap.compile(plan, observed);
  let opened: ClosedRoom | undefined;
  const release = () => {
    opened?.release();
    sweepRoom(request.room);
  };
  try {
    sweepRoom(request.room);
    fs.writeFileSync(path.join(request.room, teardownName), JSON.stringify(launch.teardown), { mode: 0o600 });
    for (const step of launch.setup) carryOut(step, { tolerant: false });
    opened = startable(launch);
    return { program: opened.program, release };
  } catch (cause) {
    release();
    throw cause;
  }
};

/** The agent writes in it, not beside it; a link there would be somebody else's. */
const checkDirectory = (directory: string): void => {
  if (!fs.lstatSync(directory, { throwIfNoEntry: false })?.isDirectory())
    throw errorOf("E_LAUNCH_FAILED", "cannot read the private git directory", `${directory} is no directory`);
};

/** What undoes a launch, written down before it begins. */
export const teardownName = "teardown.json";

/** Removes what a crash has left. */
export const sweepRoom = (room: string): void => {
  for (const step of readTeardown(room)) carryOut(step, { tolerant: true });
  fs.rmSync(path.join(room, teardownName), { force: true });
};

/** Nobody but cordon writes there; half a file is one that was never used. */
const readTeardown = (room: string): Step[] => {
  try {
    return JSON.parse(fs.readFileSync(path.join(room, teardownName), "utf8")) as Step[];
  } catch {
    return [];
  }
};

const readOnly = (source: string, target = source): Mount => ({
  kind: "bind",
  source,
  target,
  mode: "ro",
  optional: true,
  origin: "import",
});

const planThrowaway = (request: ThrowawayRequest): Plan => {
  const { host, id, directory, root, below, objects, git, script, memoryBytes, mounts = [], env = {} } = request;
  const place = path.join(gitInside, path.relative(root ?? directory, directory));
  const probe = planProbe(host, "none");
  return {
    ...probe,
    id,
    command: [
      ...bounded(memoryBytes),
      "/bin/sh",
      "-c",
      script,
      "sh",
      git,
      ...settings.flatMap((setting) => ["-c", setting]),
    ],
    workdir: "/tmp",
    mounts: [
      ...probe.mounts.filter((mount) => isNeeded(mount) && !isWithin(mount.target, "/tmp")),
      ...["/etc/ld.so.cache", "/etc/alternatives"].map((file) => readOnly(file)),
      { kind: "tmpfs", target: "/tmp", permissions: 0o700, sizeBytes: tmpBytes, origin: "import" },
      { ...readOnly(root ?? directory, gitInside), optional: undefined } as Mount,
      ...objects.map((store, index) => readOnly(store, objectsInside(index))),
      ...mounts,
    ],
    env: {
      PATH: `${path.dirname(git)}:${probe.env["PATH"]}`,
      LC_ALL: "C",
      ...plainVariables,
      HOME: "/tmp",
      GIT_DIR: path.join(place, below),
      ...(below !== "" && { GIT_COMMON_DIR: place }),
      GIT_WORK_TREE: "/tmp",
      // Whatever stands in the private directory's own file, the host's objects are there.
      GIT_ALTERNATE_OBJECT_DIRECTORIES: objects.map((_, index) => objectsInside(index)).join(":"),
      GIT_GRAFT_FILE: "/dev/null",
      ...env,
    },
    resources: { memoryBytes, pids: mostProcesses },
  };
};
