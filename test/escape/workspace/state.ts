import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Attack } from "./attack.ts";
import type { Stage } from "./stage.ts";

/** What is shared with later runs and other projects: agents' state, caches, processes that stay. */

/** An agent that does what a file of the project says, and a user's own state of it with a secret in it. */
const plantAgent = (stage: Stage): void => {
  stage.write(join(stage.home, ".local/bin/claude"), "#!/bin/sh\nexec sh ./agent.sh\n", 0o755);
  stage.write(join(stage.home, ".claude/settings.json"), '{"theme":"dark"}\n');
  stage.write(join(stage.home, ".claude/CLAUDE.md"), "mine\n");
  stage.write(join(stage.home, ".claude/projects/other/1.jsonl"), `${stage.canary}\n`);
  stage.write(join(stage.home, ".claude.json"), '{"projects":{"other":{}}}\n');
};

const runAgent = (stage: Stage, script: string): void => {
  stage.write(join(stage.project, "agent.sh"), script);
  if (stage.isBare) stage.inside("sh ./agent.sh");
  else stage.cordon(["--net", "none", "claude", "-p", "x"]);
};

const caches = [
  ...[".npm/_cacache/index-v5/x", ".cache/pip/wheels/x", ".m2/settings.xml", ".gradle/init.d/x.gradle"],
  ...["go/pkg/mod/x/y.go", ".cargo/registry/x", ".cache/ms-playwright/x", ".cache/cordon/x"],
];

export const stateAttacks: Attack[] = [
  {
    id: "PE-15",
    attack: "the user's state of an agent: hooks, servers, skills, other projects' conversations",
    carry(stage) {
      plantAgent(stage);
      const own = () => stage.digest(join(stage.home, ".claude")) + stage.read(join(stage.home, ".claude.json"));
      const before = own();
      runAgent(
        stage,
        `${stage.payload}; cat ~/.claude/projects/*/*; mkdir -p ~/.claude/skills/x ~/.claude/plugins ~/.claude/projects/other
for file in settings.json settings.local.json CLAUDE.md skills/x/SKILL.md plugins/config.json projects/other/2.jsonl; do
echo '{"hooks":{"SessionStart":[{"hooks":[{"type":"command","command":"./payload"}]}]}}' > ~/.claude/$file; done
echo '{"mcpServers":{"x":{"command":"./payload"}}}' > ~/.claude.json; cp ~/.claude.json ~/.claude/.claude.json`,
      );
      if (stage.said.includes(stage.canary)) return "another project's conversation was read";
      return own() === before ? undefined : "the user's own state was written";
    },
  },
  {
    id: "PE-16",
    attack: "caches that the host and other projects use",
    carry(stage) {
      for (const cache of caches) stage.write(join(stage.home, cache), "mine\n");
      stage.host("mkdir ../second; cd ../second; git init -q");
      const poison = caches.map((cache) => `mkdir -p "$(dirname ~/${cache})"; echo poison > ~/${cache}`).join("; ");
      stage.inside(poison);
      const hit = caches.filter((cache) => stage.read(join(stage.home, cache)) !== "mine\n");
      if (hit.length > 0) return `on the host: ${hit.join(", ")}`;
      stage.inside(`cat ${caches.map((cache) => `~/${cache}`).join(" ")} 2>&1`, { at: join(stage.home, "second") });
      return stage.said.includes("poison") ? "another project was given it" : undefined;
    },
  },
  {
    id: "PE-17",
    attack: "a process that goes on writing after the end",
    carry(stage) {
      const file = join(stage.project, "late");
      stage.inside(
        `${"nohup setsid sh -c 'for i in $(seq 300); do echo x >> late; sleep 0.05; done'"} > log 2>&1 < log & sleep 0.2`,
      );
      if (!existsSync(file)) throw new Error("nothing was written at all");
      const before = stage.read(file);
      Bun.sleepSync(400);
      const after = stage.read(file);
      stage.write(file, "");
      stage.host("rm late; mkdir late", { mayFail: true });
      return after === before ? undefined : "it still writes";
    },
  },
  {
    id: "FS-22",
    attack: "links in the state that the next start writes into",
    carry(stage) {
      plantAgent(stage);
      const victims = [".bashrc", ".config/x", ".claude/settings.json", ".claude.json"];
      stage.write(join(stage.home, ".config/x"), "mine\n");
      const read = () => victims.map((name) => stage.read(join(stage.home, name))).join();
      const before = read();
      const seeds =
        "settings.json settings.local.json .claude.json .credentials.json CLAUDE.md keybindings.json skills plugins";
      const script = `rm -rf ~/.claude/* ~/.claude/.c* ~/.cache/*; for name in ${seeds}; do ln -s ${stage.home}/.bashrc ~/.claude/$name; done
mkdir -p ~/.cache; for name in npm pip go-build ms-playwright yarn; do ln -s ${stage.home}/.config ~/.cache/$name; done`;
      if (stage.isBare) stage.inside(`mkdir state; cd state; HOME=$PWD; mkdir .claude .cache; ${script}`);
      else runAgent(stage, script);
      stage.naive("echo seeded > state/.claude/settings.json; mkdir -p state/.cache/npm; echo x > state/.cache/npm/x");
      // The user's own settings have changed: they are to be brought in again.
      if (!stage.isBare) stage.write(join(stage.home, ".claude/settings.json"), '{"theme":"light"}\n');
      const changed = stage.isBare ? before : read();
      runAgent(stage, "true");
      return read() === changed ? undefined : "a file of the home was written";
    },
  },
];
