import path from "node:path";
import { errorOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { isWithin } from "../places.ts";
import { platformDirectories, pseudoDirectories, secretPlaces } from "./locations.ts";

/**
 * Refuses a directory that is no project: the root, the home directory or what contains it, system directories, places
 * made for secrets, names that do not survive as text. Pure; throws E_WORKDIR_INVALID.
 */
export const checkWorkdir = (workdir: string, { realHome, home }: Host): void => {
  const refuse = (problem: string) => errorOf("E_WORKDIR_INVALID", workdir, problem);
  if (workdir.includes("\uFFFD")) throw refuse("its name is not valid UTF-8");
  if (workdir === "/") throw refuse("it is the root of the file system");
  if (workdir === realHome) throw refuse("it is your home directory, and everything in it would be writable");
  if (isWithin(realHome, workdir)) throw refuse("your home directory lies in it");
  const system = [...platformDirectories, ...pseudoDirectories.filter((place) => !temporary.includes(place))];
  if (system.some((place) => isWithin(workdir, place))) throw refuse("it is a system directory");
  if (temporary.includes(workdir)) throw refuse("every program of this machine uses it");
  const secret = secretPlaces.find(
    (place) => isWithin(workdir, path.join(realHome, place)) || isWithin(workdir, path.join(home, place)),
  );
  if (secret) throw refuse(`it lies in ~/${secret}, which holds secrets`);
};

const temporary = ["/tmp", "/var/tmp"];
