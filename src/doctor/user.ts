import { readText } from "./situation.ts";

/** The login name by /etc/passwd (passwd(5)), or the number where there is none. */
export const userName = (uid: number): string => {
  const rows = (readText("/etc/passwd") ?? "").split("\n").map((row) => row.split(":"));
  return rows.find((fields) => fields[2] === String(uid))?.[0] ?? String(uid);
};
