import path from "node:path";
import type { Host } from "../host.ts";
import type { ImportResult } from "./import.ts";
import type { PrivatePart } from "./private-git.ts";
import { readPrivateRefs } from "./private-reading.ts";

/** What has come over of one repository; `place` is its working tree, relative to the project. */
export type Brought = ImportResult & { place: string };

/** What brings over what the private git directories of a live project hold; `id` names what the host keeps of it. */
export const bringerOf = (host: Host, id: string, parts: PrivatePart[]): (() => Promise<Brought[]>) => {
  const known = new Map(parts.filter(({ isTrusted }) => !isTrusted).map((part) => [part, readState(part)]));
  return async () => {
    const { importCommits } = await import("./import.ts");
    const brought: Brought[] = [];
    for (const part of parts) {
      const { repository, directory, root } = part;
      const place = path.relative(host.project, repository.top);
      if (part.isTrusted) {
        const base = part.base();
        const work = { host, repository, directory, root, id, base, advances: true };
        const result = await importCommits(work).catch(failed);
        if (result.seen) part.noteStash(result.seen.stash);
        if (result.imported.length > 0) part.notePlaced(result.imported);
        brought.push({ ...result, place });
      } else if (known.get(part) !== readState(part)) brought.push(explainStay(place));
    }
    return brought;
  };
};

/** What was made inside stays where it is: the next run tries again. */
const failed = (cause: Error): ImportResult => {
  const problems = [`the repository outside is not what it was: ${cause.message}`];
  return { imported: [], kept: [], hints: [], problems, seen: undefined };
};

/** Undefined when it cannot be read. */
const readState = ({ directory }: PrivatePart): string | undefined => {
  try {
    const { refs, branch, detached } = readPrivateRefs(directory);
    return JSON.stringify([refs, branch, detached]);
  } catch {
    return undefined;
  }
};

/** No git of the host is asked about a repository that may be of an agent's making: its commits stay inside. */
const explainStay = (place: string): Brought => {
  const text = "its commits stay in its private git directory, because the repository lies in the project";
  const hints = [{ text, command: "cordon run -- git log" }];
  return { place, imported: [], kept: [], hints, problems: [], seen: undefined };
};
