import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import type { Attack } from "./attack.ts";
import { asSession, merge, name, work } from "./session.ts";

/** Identity, export, removal, names and crashes of sessions. */

const attacks: Attack[] = [
  {
    id: "GM-12",
    attack: "a commit in another's name passes for his",
    carry(stage) {
      work(
        stage,
        "echo x > x; git add .; git commit -q -m $'x\\n\\nSigned-off-by: Eve <eve@example.org>' --author='Eve <eve@example.org>'",
      );
      merge(stage, "--squash");
      const log = stage.host("git log -1 --format='%an%n%B'");
      return log.includes(`Cordon-Session: ${name}`) ? undefined : `nothing tells of the agent: ${log}`;
    },
  },
  {
    id: "GM-12",
    attack: "the user's signing key is used inside",
    carry(stage) {
      const key = join(stage.home, ".ssh/id");
      const program = join(stage.home, ".local/bin/signer");
      stage.write(key, `${stage.canary}\n`, 0o600);
      stage.write(
        program,
        `#!/bin/sh\ngrep -q . ${key} || exit 1\nprintf '%s\\n' '-----BEGIN PGP SIGNATURE-----' '' x '-----END PGP SIGNATURE-----'\nprintf '\\n[GNUPG:] SIG_CREATED \\n' >&2\n`,
        0o755,
      );
      stage.host(
        `git config gpg.program ${program}; git config commit.gpgsign true; git config user.signingkey x; git commit -q --allow-empty -m signed; git cat-file -p HEAD | grep gpgsig`,
      );
      work(
        stage,
        `cat ${key}; git config gpg.program ${program}; git commit -q -S --allow-empty -m theirs; git cat-file -p HEAD | sed 's/^/HEAD: /'`,
      );
      const isSigned = /^HEAD: theirs$/m.test(stage.said) && /^HEAD: gpgsig/m.test(stage.said);
      return isSigned || stage.said.includes(stage.canary) ? "it was" : undefined;
    },
  },
  {
    id: "GM-13",
    attack: "an export carries what leads out of its directory (FS-08)",
    carry(stage) {
      const secret = join(stage.home, "secret.txt");
      stage.write(secret, `${stage.canary}\n`);
      work(
        stage,
        `ln -s ${secret} link; ln -s ${stage.home} dir; mkfifo pipe; echo x > file; ln file hard; chmod u+s file; git add -A; git commit -q -m links; rm dir; mkdir dir; echo planted > dir/planted`,
      );
      const target = join(stage.home, "exported");
      stage.cordon(["sessions", "export", name, target]);
      stage.naive(`mkdir ${target}; timeout 2 cp -rL link file ${target}`);
      const found = stage.host(`grep -rl ${stage.canary} ${target}; find ${target} -type p -o -perm /6000`, {
        mayFail: true,
      });
      if (existsSync(join(stage.home, "planted"))) return "a file was written through a link";
      return found === "" ? undefined : `exported: ${found}`;
    },
  },
  {
    id: "FS-22",
    attack: "removal of a session follows what stands in it",
    carry(stage) {
      stage.write(join(stage.home, "keep/file"), "mine\n");
      work(
        stage,
        `ln -s ${stage.home}/keep d; mkdir -p a/b; ln -s ${stage.home} a/b/home; chmod 000 a; mkdir .git/x; ln -s ${stage.home}/keep .git/y; chmod 000 .git/x; touch z`,
      );
      stage.naive("chmod 755 a; find -L d -type f -delete");
      stage.cordon(["discard", name, "--force"]);
      if (!existsSync(join(stage.home, "keep/file"))) return "a file of the home was removed";
      const left = stage.host("ls ../.local/state/cordon/sessions/*/ | grep -v ':'", { mayFail: true }).trim();
      return /\bs[0-9a-f]{8}\b/.test(left) ? `left: ${left}` : undefined;
    },
  },
  {
    id: "CF-15",
    attack: "names that are one after normalisation share a session",
    carry(stage) {
      stage.inside("echo first > own", { options: ["--session", "Name"] });
      const answer = stage.inside("cat own; echo second > own", { options: ["--session", "name"] });
      stage.cordon(["diff", "Name"]);
      if (stage.isBare) return "there is one place for both";
      return answer.code === 0 && answer.stdout.includes("first") && !/Name/.test(answer.stderr)
        ? "they do"
        : undefined;
    },
  },
  {
    id: "CF-15",
    attack: "a merge that is killed leaves half of itself",
    async carry(stage) {
      work(stage, "seq 3000 | xargs touch; git add -A; git commit -q -m many");
      for (const delayMs of [30, 60, 120, 200]) {
        const { argv, env } = stage.command([stage.boundary.cordon ?? "true", "merge", name, "--yes"]);
        const child = Bun.spawn(argv, { cwd: stage.project, env, stdio: ["ignore", "ignore", "ignore"] });
        await Bun.sleep(delayMs);
        child.kill("SIGKILL");
        await child.exited;
      }
      stage.naive("touch .git/index.lock");
      merge(stage);
      const status = stage.host("git status --short | head -5; git log -1 --format=%s; ls .git | grep lock", {
        mayFail: true,
      });
      return status === "many\n" ? undefined : `afterwards: ${status}`;
    },
  },
  {
    id: "FS-08",
    attack: "a file copied out of a running sandbox is a link",
    async carry(stage) {
      const secret = join(stage.home, "secret.txt");
      stage.write(secret, `${stage.canary}\n`);
      const script = `ln -s ${secret} link; mkdir -p tree; ln -s ${secret} tree/link; ln -s ${stage.home} tree/dir; touch ready; exec sleep 30`;
      const words = stage.isBare
        ? ["sh", "-c", script]
        : [stage.boundary.cordon!, "run", "--net", "none", "--", "sh", "-c", script];
      const { argv, env } = stage.command(words);
      const child = Bun.spawn(argv, { cwd: stage.project, env, stdio: ["ignore", "ignore", "ignore"] });
      for (let tries = 0; tries < 400 && !existsSync(join(stage.project, "ready")); tries++) await Bun.sleep(25);
      const id = stage.cordon(["ps"]).stdout.match(/\b[0-9a-f]{8}\b/)?.[0] ?? "";
      const target = join(stage.home, "copied");
      stage.host(`mkdir ${target}; ln -s ${stage.home}/.bashrc ${target}/link2`);
      stage.cordon(["cp", `${id}:link`, target]);
      stage.cordon(["cp", `${id}:tree`, target]);
      stage.naive(`cp -rL link ${target}`);
      child.kill("SIGKILL");
      await child.exited;
      // What is copied as a link leads to the secret still; read it by its own bytes.
      const found = stage.host(`find ${target} -type f | xargs grep -l ${stage.canary}`, { mayFail: true });
      return found === "" && lstatSync(join(stage.home, ".bashrc")).isFile() ? undefined : `copied: ${found}`;
    },
  },
];

export const sessionEndAttacks = attacks.map(asSession);
