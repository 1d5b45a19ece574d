import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { createStage, type Stage } from "./commands/stage.ts";

setDefaultTimeout(60_000);

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

const secret = "machine host.test login me password s3cret-in-a-file";
const configure = (text: string) => stage.write(".config/cordon/config.toml", text);
const inside = (script: string, options: string[] = [], env: Record<string, string> = {}) =>
  stage.cordon([...options, "run", "--", "sh", "-c", script], { env });

describe("a file that holds a real secret", () => {
  test.each([
    ["a variable", 'variable = "NETRC"'],
    ["a program", `command = ["/bin/echo", "-n", "${secret}"]`],
    ["a line for the shell", `command = "printf %s '${secret}'"`],
    ["a file", 'file = "~/vault/netrc"'],
  ])("from %s: in memory, for this user alone, and nowhere else", (_title, source) => {
    stage.write("vault/netrc", secret);
    configure(`[secret-files."~/.netrc"]\n${source}\n`);
    const script = [
      "cat ~/.netrc; echo; stat -c %a ~/.netrc; stat -f -c %T ~/.netrc",
      "grep -c 's3[c]ret' /proc/*/environ /proc/*/cmdline | grep -v ':0$' || echo none; ls ~/vault 2>&1",
    ].join("; ");
    const done = inside(script, [], { NETRC: secret });
    const [content, mode, kind, found, vault] = done.stdout.split("\n");
    expect([content, mode, kind, found]).toEqual([secret, "400", "tmpfs", "none"]);
    expect(vault).toContain("No such file");
    expect(inside("echo x > ~/.netrc || rm ~/.netrc || echo kept", [], { NETRC: secret }).stdout).toBe("kept\n");
  });

  test("does not stand in a dry run, and no program is asked for one", () => {
    const asked = path.join(stage.lab.at("project"), "asked");
    configure(`[secret-files."~/.netrc"]\ncommand = "touch ${asked}; echo ${secret}"\n`);
    const done = inside("true", ["--dry-run"]);
    expect(done).toMatchObject({ code: 0, stdout: expect.not.stringContaining("s3cret") });
    expect(inside("test ! -e asked && echo not asked", ["--credentials", "none"]).stdout).toBe("not asked\n");
  });

  test.each([
    ["nothing is said", "", /needs one of/],
    ["two things are said", 'variable = "A"\nfile = "/etc/hostname"', /needs one of/],
    ["the variable is not set", 'variable = "NOT_SET"', /NOT_SET is not set/],
    ["the program fails", 'command = ["/bin/false"]', /fails or prints nothing/],
    ["the file is not there", 'file = "~/nowhere"', /nowhere cannot be read/],
  ])("%s: one error, before anything starts", (_title, source, message) => {
    configure(`[secret-files."~/.netrc"]\n${source}\n`);
    const done = inside("echo started");
    expect(done).toMatchObject({ code: 125, stdout: "" });
    expect(done.stderr).toMatch(message);
  });

  test("a project's file may not ask for one", () => {
    const asking = '[secret-files."~/.x"]\nfile = "~/.ssh/id_ed25519"\n';
    fs.writeFileSync(path.join(stage.lab.at("project"), ".cordon.toml"), asking);
    const done = inside("echo started");
    expect(done).toMatchObject({ code: 125, stdout: "" });
    expect(done.stderr).toContain("belongs in the user's own configuration");
  });
});
