import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import { encodePath } from "../../src/agents/conversations.ts";
import { type Desk, openDesk, users } from "./desk.ts";

setDefaultTimeout(60_000);

/** `cordon resume` with an agent that only says how it was started, and keeps a conversation as Claude Code does. */

const [inside, outside] = ["1", "2"].map((digit) => `${digit.repeat(8)}-1111-4111-8111-${digit.repeat(12)}`) as [
  string,
  string,
];

const agent = `#!/bin/sh
place=$CLAUDE_CONFIG_DIR/projects/$(pwd | tr -c 'a-zA-Z0-9\\n' -)
case "$*" in *talk*) mkdir -p "$place"; echo "{\\"cwd\\":\\"$PWD\\"}" > "$place/${inside}.jsonl";; esac
echo "claude: $*"
`;

for (const { name: userName, uid } of users) {
  describe(`resume, as ${userName}`, () => {
    let desk: Desk;
    beforeAll(() => {
      desk = openDesk(uid);
      for (const name of ["claude", "codex"])
        desk.put(`home/.local/bin/${name}`, agent.replace("claude:", `${name}:`), 0o755);
      desk.env["PATH"] = `${desk.at("home/.local/bin")}:${desk.env["PATH"]}`;
      desk.create("p");
    });
    afterAll(() => desk.close());
    const start = (...args: string[]) => desk.say("p", "--net", "none", "--session", "s", ...args);
    const resume = (...args: string[]) => desk.say("p", "--net", "none", "resume", ...args);
    const flags = "--dangerously-skip-permissions";

    test("it goes on with the same agent and its own conversation, whatever was talked about outside", () => {
      expect(start("claude", "hello")).toBe(`claude: ${flags} hello\n`);
      expect(resume("s", "next")).toBe(`claude: ${flags} next\n`);
      start("claude", "talk");
      desk.put(`home/.claude/projects/${encodePath(desk.at("p"))}/${outside}.jsonl`, `{"cwd":"${desk.at("p")}"}\n`);
      expect(resume("s", "next")).toBe(`claude: ${flags} --resume ${inside} next\n`);
      expect(resume("S", "-p", "next", "--json")).toBe(`claude: ${flags} --resume ${inside} -p next --json\n`);
      expect(resume("s", "--", "-p", "next")).toBe(`claude: ${flags} --resume ${inside} -p next\n`);
      expect(resume("s", "--resume", outside)).toBe(`claude: ${flags} --resume ${outside}\n`);
      expect(resume("s", "mcp", "list")).toBe("claude: mcp list\n");
    });

    test("looking around in between does not change whom it goes on with; another agent does", () => {
      start("shell", "true");
      start("run", "--", "true");
      expect(desk.json("p", "sessions")).toMatchObject([{ agent: "claude" }]);
      expect(resume("s")).toBe(`claude: ${flags} --resume ${inside}\n`);
      expect(start("codex", "exec", "hello")).toStartWith("codex: --no-daemon ");
      expect(resume("s", "exec", "next")).toMatch(/^codex: --no-daemon .* exec next\n$/);
    });

    test("a session that has never had an agent gets the usual one; one that is not there none", () => {
      desk.inside("p", "bare", "echo x >> a.txt");
      expect(resume("bare", "hello")).toBe(`claude: ${flags} hello\n`);
      expect(desk.cordon("p", ["resume", "nobody"])).toMatchObject({ code: 125, stdout: "" });
      expect(fs.readFileSync(desk.at("p/a.txt"), "utf8")).toBe("one\n");
    });
  });
}
