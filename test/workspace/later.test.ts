import { describe, expect, test } from "bun:test";
import { type ChangedPath, findLater, leadsOut, summarizeLater } from "../../src/workspace/later.ts";
import { isJudgedByText } from "../../src/workspace/later-match.ts";
import { heaps } from "../../src/workspace/later-rule.ts";
import { laterTable } from "../../src/workspace/later-table.ts";
import { foldName } from "../../src/workspace/name-fold.ts";
import { showPath } from "../../src/workspace/shown-path.ts";

const added = (path: string, more: Partial<ChangedPath> = {}): ChangedPath => ({
  path,
  kind: "added",
  mode: 0o100644,
  ...more,
});
const groupOf = (change: ChangedPath) => findLater([change])[0]?.group;

describe("the table", () => {
  const executed: [string, string][] = [
    ["git", ".git/hooks/pre-commit sub/.git/config sub/.git .git/config.worktree .git/commondir .git/info/attributes"],
    [
      "git",
      ".husky/pre-commit .husky/_/husky.sh .githooks/commit-msg vendor/x/hooks/post-checkout x/hooks/p4-changelist",
    ],
    ["git", ".gitmodules .gitattributes a/b/.gitattributes deep/bare/HEAD .lfsconfig .pre-commit-config.yaml"],
    ["git", "lefthook.yml .lintstagedrc.mjs lint-staged.config.js .huskyrc.json"],
    ["shell", ".envrc sub/.envrc mise.toml .mise.local.toml .mise/tasks/build .config/mise/config.toml .tool-versions"],
    ["shell", ".nvmrc .node-version .bashrc .zshenv .profile flake.nix .env .env.local .gdbinit .lldbinit"],
    ["editor", ".vscode/tasks.json .vscode/settings.json .vscode/launch.json .vscode/extensions.json x.code-workspace"],
    ["editor", ".devcontainer/devcontainer.json .devcontainer.json .idea/workspace.xml .idea/runConfigurations/a.xml"],
    ["editor", ".run/Test.run.xml .exrc .nvimrc .nvim.lua .dir-locals.el .zed/tasks.json App.sublime-project"],
    ["agent", "CLAUDE.md pkg/CLAUDE.md CLAUDE.local.md AGENTS.md GEMINI.md .cursorrules .windsurfrules .clinerules"],
    ["agent", ".claude/settings.json .claude/commands/x.md .claude/skills/a/SKILL.md .codex/config.toml .mcp.json"],
    ["agent", ".gemini/settings.json .cursor/mcp.json .cursor/rules/a.mdc opencode.json opencode.jsonc .opencode/x.ts"],
    ["agent", ".github/copilot-instructions.md .github/instructions/a.md .cordon.toml .aider.conf.yml .kiro/x"],
    [
      "packages",
      "package.json packages/a/package.json .npmrc .yarnrc .yarnrc.yml .yarn/releases/yarn.cjs .pnpmfile.cjs",
    ],
    ["packages", ".pnp.cjs bunfig.toml deno.json setup.py setup.cfg pyproject.toml sitecustomize.py x/evil.pth"],
    [
      "packages",
      "composer.json Gemfile my.gemspec .bundle/config requirements-dev.txt yarn.lock bun.lockb binding.gyp",
    ],
    ["build", "Makefile GNUmakefile rules.mk justfile .justfile Taskfile.yml Taskfile.dist.yaml Rakefile gulpfile.js"],
    ["build", "gradlew gradlew.bat mvnw gradle/wrapper/gradle-wrapper.jar .mvn/jvm.config build.gradle.kts pom.xml"],
    [
      "build",
      "CMakeLists.txt x/a.cmake build.rs sub/build.rs .cargo/config.toml Cargo.toml go.work go.mod nx.json turbo.json",
    ],
    ["build", "vite.config.ts webpack.config.js next.config.mjs babel.config.json tsconfig.json BUILD.bazel a.csproj"],
    ["check", "conftest.py tests/conftest.py tox.ini noxfile.py jest.config.js vitest.workspace.ts eslint.config.js"],
    ["check", ".eslintrc.cjs .prettierrc playwright.config.ts .mocharc.yml .rubocop.yml .storybook/main.ts"],
    ["ci", ".github/workflows/ci.yml .github/actions/a/action.yml .gitlab-ci.yml .circleci/config.yml Jenkinsfile"],
    ["ci", ".travis.yml azure-pipelines.yml bitbucket-pipelines.yml .buildkite/pipeline.yml .woodpecker.yml"],
    ["container", "Dockerfile Dockerfile.dev web.dockerfile docker-compose.yml compose.yaml compose.override.yml"],
    [
      "ignored",
      "node_modules/.bin/tsc node_modules/a/index.js .venv/bin/python pkg/target/debug/app __pycache__/a.pyc",
    ],
  ];
  const rows = executed.flatMap(([group, paths]) => paths.split(" ").map((path): [string, string] => [path, group]));
  test.each(rows)("%s is %s", (path, group) => expect(groupOf(added(path))).toBe(group as "git"));

  const harmless =
    "src/main.ts README.md hooks/use-state.ts src/hooks/index.ts docs/guide.md package.jsonc src/build/index.ts x/env.ts a/workflows/x.yml main.go lib.rs .gitignore LICENSE src/compose.ts src/tasks.ts makefiles/readme.txt src/.env.ts vscode/tasks.json notgit/config config";
  test.each(harmless.split(" "))("%s is nothing", (path) => expect(groupOf(added(path))).toBeUndefined());

  test("every rule can be met, says why in a few words, and its patterns are of the language", () => {
    for (const { rules } of laterTable) {
      for (const { why, patterns } of rules) {
        expect(why.split(" ").length).toBeLessThan(14);
        for (const pattern of patterns.split(/\s+/).filter(Boolean)) {
          const name = pattern.replace(/\{([^{},]*)[^{}]*\}/g, "$1").replace(/\*/g, "x");
          const path = `${name.replace(/^\//, "")}${name.endsWith("/") ? "x" : ""}`;
          expect([pattern, groupOf(added(path)) !== undefined]).toEqual([pattern, true]);
          expect(pattern.split("{").length).toBe(pattern.split("}").length);
        }
      }
    }
    expect(Object.keys(heaps).every((name) => name === name.toLowerCase())).toBe(true);
  });
});

describe("names that some file system takes for another (PE-14)", () => {
  const variants: [string, string][] = [
    [".GIT/hooks/pre-commit", "git"],
    [".g\u200cit/config", "git"],
    [".git\u200d/config", "git"],
    ["sub/GIT~1/config", "git"],
    ["x/.git./config", "git"],
    ["x/.git /config", "git"],
    ["x/.git::$INDEX_ALLOCATION/config", "git"],
    ["x\\.git\\config", "git"],
    [".ｇｉｔ/config", "git"],
    [".EnvRC", "shell"],
    [".VSCode/Tasks.json", "editor"],
    [".Claude/Settings.json", "agent"],
    ["claude.md", "agent"],
    ["CLAUDE~1.MD", "git"],
    [".\u212airo/x", "agent"],
    ["\ufeff.mcp.json", "agent"],
  ];
  test.each(variants)("%j", (path, group) => expect(groupOf(added(path))).toBe(group as "git"));

  test("the short name of .git is .git", () => {
    expect(findLater([added("sub/GIT~1/config")])[0]?.why).toBe(findLater([added("sub/.git/config")])[0]!.why);
  });

  test("both Unicode forms are one", () => expect(foldName("E\u0301.TXT")).toBe(foldName("\u00e9.txt")));
});

describe("what is no name alone", () => {
  test.each([
    ["/etc/passwd", "a", true],
    ["../x", "a", true],
    ["../x", "d/a", false],
    ["../../x", "d/a", true],
    ["x/../../y", "d/e/a", true],
    ["./x/y", "a", false],
    ["..", "a/b", false],
  ])("a link to %s in %s leads out: %p", (link, path, expected) => {
    expect(leadsOut(path, link)).toBe(expected);
    expect(groupOf(added(path, { mode: 0o120777, link }))).toBe(expected ? "link" : undefined);
  });

  test("programs, new and changed, and what git hides", () => {
    const whys = (change: ChangedPath) => findLater([change])[0]?.why;
    expect(whys(added("run", { mode: 0o100755 }))).toBe("can be started now");
    expect(whys(added("run", { mode: 0o100755, kind: "changed", modeBefore: 0o100644 }))).toBe("can be started now");
    expect(whys(added("run", { mode: 0o100755, kind: "changed", modeBefore: 0o100755 }))).toBe("a program, changed");
    expect(whys(added("run", { mode: 0o100755, isIgnored: true }))).toContain("git does not show it");
    expect(whys({ path: "run", kind: "deleted" })).toBeUndefined();
    expect(whys(added("sub", { mode: 0o040755 }))).toBeUndefined();
  });

  test("repositories inside: one line each, whatever is in them", () => {
    const inside = ["HEAD", "description", "hooks/pre-commit.sample", "objects/pack/x"].map((name) =>
      added(`sub/.git/${name}`),
    );
    expect(findLater(inside)).toMatchObject([{ path: "sub/.git", group: "git", count: 4 }]);
    expect(findLater([added("vendor/x", { mode: 0o160000 })])).toMatchObject([{ group: "git" }]);
    const bare = [
      added("fix/bare/config", { repository: "fix/bare" }),
      added("fix/bare/note", { repository: "fix/bare" }),
    ];
    expect(findLater(bare)).toMatchObject([{ path: "fix/bare", count: 2 }]);
    expect(findLater([added("fix/bare/hooks/update", { repository: "fix/bare" })])).toMatchObject([
      { why: "git runs hooks" },
    ]);
  });

  test("the host's own hooks directory", () => {
    expect(findLater([added("Tools/Git/pre-push")], { hooksPath: "tools/git" })).toMatchObject([
      { why: "git runs hooks" },
    ]);
    expect(findLater([added("tools/github/a")], { hooksPath: "tools/git" })).toEqual([]);
  });

  test("what disappears counts where it protected", () => {
    const gone = [".npmrc", ".gitattributes", ".husky/pre-commit", "Makefile", "Dockerfile"];
    const found = findLater(gone.map((path) => ({ path, kind: "deleted" as const })));
    expect(found.map(({ path }) => path).sort()).toEqual([".gitattributes", ".husky/pre-commit", ".npmrc"]);
  });
});

describe("by its text", () => {
  const why = (path: string, before: string | undefined, after: string) =>
    findLater([
      {
        path,
        kind: before === undefined ? "added" : "changed",
        mode: 0o100644,
        ...(before !== undefined && { before }),
        after,
      },
    ])[0]?.why;
  test.each([
    ['{"name":"a","version":"1"}', '{"name":"a","version":"2"}', undefined],
    ['{"scripts":{"a":"1"}}', '{"scripts":{"a":"1","postinstall":"x"}}', "scripts (postinstall)"],
    ['{"scripts":{"a":"1"}}', "{}", "scripts (a)"],
    ["{}", '{"bin":"x"}', "bin"],
    ["{}", '{"gypfile":true}', "gypfile"],
    ["{}", '{"dependencies":{"x":"1"}}', "packages to install"],
    ["{}", '{"__proto__":{"scripts":{}}}', undefined],
    ["{}", "{broken", "cannot be read as JSON"],
    ["{}", '\ufeff{"scripts":{"x":"y"}}', "cannot be read as JSON"],
    ['{"scripts":{"b":"1","a":"2"}}', '{"scripts":{"\\u001b[2J":"1"}}', "scripts"],
    [undefined, '{"name":"x"}', undefined],
    [undefined, '{"scripts":{"x":"y"}}', "scripts (x)"],
  ])("package.json %p → %p", (before, after, expected) => {
    const said = why("a/package.json", before, after);
    expected === undefined ? expect(said).toBeUndefined() : expect(said).toContain(expected);
  });

  test.each([
    ['{"editor.tabSize":2}', '{"editor.tabSize":4, // wide\n}', undefined],
    ["{}", '{"git.path":"./evil"}', "git.path"],
    ["{}", '{"python.defaultInterpreterPath":"./p"}', "python.defaultInterpreterPath"],
    ["{}", '{"terminal.integrated.env.linux":{}}', "terminal.integrated.env.linux"],
    ["{}", '{"editor.codeActionsOnSave":{"a":1}}', "editor.codeActionsOnSave"],
    ["{}", '{/* "x */ "git.path": "a//b" }', "git.path"],
    ["{}", "[1]", "cannot be read as JSON"],
  ])("settings %p → %p", (before, after, expected) => {
    const said = why(".vscode/settings.json", before, after);
    expected === undefined ? expect(said).toBeUndefined() : expect(said).toContain(expected);
  });

  test("without the text before, a changed file counts", () => {
    expect(groupOf({ path: "package.json", kind: "changed", after: "{}" })).toBe("packages");
    expect(isJudgedByText("x/package.json")).toBe(true);
    expect(isJudgedByText("x/settings.json")).toBe(false);
  });
});

describe("for a person", () => {
  const hostile = [
    "a\nb",
    "\x1b]0;x\x07",
    "-rf",
    "\udcff\udc80",
    `${"d/".repeat(2000)}x`,
    "\u202egpj.exe",
    "'; rm $(x)",
  ];
  test.each(hostile)("%j is data", (name) => {
    const findings = findLater([added(`.husky/${name}`), added(`x/${name}`, { mode: 0o100755 })]);
    expect(findings.map(({ group }) => group)).toEqual(["git", "program"]);
    const text = summarizeLater(findings).join("");
    expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
    expect(text.length).toBeLessThan(400);
  });

  test("bytes that are no UTF-8 are shown as bytes", () => expect(showPath("a\udcff")).toBe("a\\xff"));

  test("a hostile script name and link are shown, not obeyed", () => {
    const changes = [
      added("package.json", { after: '{"scripts":{"\\u001b[2J":"1"}}' }),
      added("l", { mode: 0o120777, link: "/\x1b[2J" }),
    ];
    expect(summarizeLater(findLater(changes)).join("")).not.toMatch(/[\p{Cc}]/u);
  });

  test("dangerous first, long lists short, nothing dropped silently", () => {
    const many = Array.from({ length: 5_000 }, (_, at) => added(`node_modules/.bin/tool${at}`));
    const workflows = Array.from({ length: 9 }, (_, at) => added(`.github/workflows/${at}.yml`));
    const findings = findLater([...many, ...workflows, added("Makefile"), added(".git/hooks/pre-push")]);
    expect(findings.map(({ group }) => group).filter((group, at, all) => group !== all[at - 1])).toEqual([
      "git",
      "build",
      "ci",
      "ignored",
    ]);
    expect(summarizeLater(findings)).toEqual([
      ".git/hooks/pre-push (new): git runs hooks",
      "Makefile (new): make runs it",
      ".github/workflows/0.yml (new), .github/workflows/1.yml (new), .github/workflows/2.yml (new) and 6 more: CI runs it with your repository's secrets",
      "node_modules (5000 changed): installed packages: your tools run them, git does not show them",
    ]);
    expect(summarizeLater(findings, { mostLines: 2 })).toEqual([
      ".git/hooks/pre-push (new): git runs hooks",
      "… and 11 more",
    ]);
  });
});
