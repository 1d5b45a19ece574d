import fs from "node:fs";
import { refreshMerged } from "../../src/sessions/refresh.ts";
import { forgetSession } from "../../src/sessions/remains.ts";
import { listSessions, lockSession, updateSession } from "../../src/sessions/store.ts";
import { makeDesk } from "./session-desk.ts";

/** A session from its making to its end, as whoever runs this: `ROOT WORKSPACE HAS-GIT`. Prints what came of it. */
const [root, workspace, hasGit] = process.argv.slice(2) as [string, "overlay" | "copy", "git" | "plain"];
const desk = makeDesk(root, { hasGit: hasGit === "git" });
desk.put("ignored", "secret\n");
desk.put("dir/sub/x", "x\n");

const { session, collected, problems } = await desk.did(
  `id -u; echo more >> a.txt; rm -r dir; mkdir dir; echo new > dir/new; ln -s / link
   echo closed > closed; chmod 000 closed; mkdir shut; echo x > shut/x; chmod 000 shut`,
  workspace,
);
const ask = (...words: string[]) => (hasGit === "git" ? desk.git(...words) : desk.shadowGit(session, ...words));
const rows = ask("diff", "--no-renames", "--name-status", session.base.commit, collected!.tip);

await desk.work(session, "chmod 755 shut; rm -r shut closed; echo keep > ignored");
const clean = await desk.collect(session);
if (hasGit === "git") desk.git("merge", "-q", "--ff-only", clean.collected!.tip);
const merged = { tip: clean.collected!.tip, at: new Date().toISOString() };
const held = lockSession(desk.host, await updateSession(desk.host, session, () => ({ merged })));
const next = await refreshMerged(desk.host, held, desk.repositoryOf());
held.release();
const seen = await desk.work(next.session, "cat a.txt ignored; ls dir; mkdir -p locked/deep; chmod 000 locked");
await forgetSession(desk.host, next.session);
const left = fs.readdirSync(desk.at("home/.local/state/cordon/sessions"), { recursive: true, encoding: "utf8" });
const shown = { uid: process.getuid!(), rows: rows.split("\n"), problems, work: collected!.work, seen, left };
process.stdout.write(JSON.stringify({ ...shown, refreshed: next.problems, sessions: listSessions(desk.host) }));
