import type { Group, Rule } from "./later-rule.ts";

/** Of a git directory below the project: named once, however much of it is new. */
export const repositoryWhy = "git opens it as a repository, and obeys its settings and hooks";

/** Hooks of githooks(5), for a hooks directory of any repository, bare ones too. */
const hookNames =
  "{applypatch-msg,pre-applypatch,post-applypatch,pre-commit,pre-merge-commit,prepare-commit-msg," +
  "commit-msg,post-commit,pre-rebase,post-checkout,post-merge,pre-push,pre-receive,update,proc-receive," +
  "post-receive,post-update,reference-transaction,push-to-checkout,pre-auto-gc,post-rewrite," +
  "sendemail-validate,fsmonitor-watchman,p4-*,post-index-change}";

/**
 * What a host executes later because it lies in a project, most dangerous first. Patterns stand between white space: a
 * leading `/` means the project's top, any other matches at every depth; a trailing `/` means everything below; `*`
 * stays within one name; `{a,b}` is either. They match whatever the case and the spelling; see `later-match.ts`.
 */
export const laterTable: { group: Group; rules: Rule[] }[] = [
  {
    group: "git",
    rules: [
      {
        why: "git runs hooks",
        patterns: `
          .git/hooks/ .githooks/ .husky/ git-hooks/
          hooks/${hookNames}`,
      },
      { why: "git settings can name programs", patterns: ".git/{config,config.worktree,commondir} .gitconfig" },
      { why: repositoryWhy, patterns: ".git/" },
      { why: "makes its folder a git repository", patterns: "HEAD" },
      { why: "names repositories that git fetches, and where to", patterns: ".gitmodules" },
      { why: "chooses the filters and drivers that git runs", patterns: ".gitattributes info/attributes" },
      { why: "git-lfs reads its servers from it", patterns: ".lfsconfig" },
      {
        why: "names what runs on commit and push",
        patterns: `
          .pre-commit-config.{yaml,yml} .overcommit.yml {,.}lefthook{,-local}.{yml,yaml,toml,json}
          {.lintstagedrc,lint-staged.config,.huskyrc,.commitlintrc,commitlint.config}* {,.}simple-git-hooks*`,
      },
    ],
  },
  {
    group: "shell",
    rules: [
      { why: "direnv runs it when you enter the folder", patterns: ".envrc .direnvrc .direnv/" },
      { why: "mise runs it when you enter the folder", patterns: "{mise,.mise}*.toml .mise/ .config/mise/ .rtx.toml" },
      {
        why: "chooses the tools that version managers start",
        patterns: ".tool-versions .{node,nvm,python,ruby,java,go,terraform}-version .nvmrc .sdkmanrc",
      },
      { why: "builds and enters a shell environment", patterns: "{devenv,shell,flake,default}.nix devbox.json" },
      {
        why: "a shell reads it",
        patterns: `
          .{bash,zsh,k,c,tc,fish}rc .{zshenv,zprofile,zlogin,profile,login} .bash_{profile,login,logout,aliases}
          .autoenv* .env.zsh`,
      },
      {
        why: "variables that tools and agents load by themselves",
        patterns: ".env .env.local .env.{development,production,test,staging}{,.local} .flaskenv",
      },
      { why: "a debugger or tmux runs it", patterns: ".gdbinit .lldbinit .tmux.conf .screenrc .tmuxinator.yml" },
    ],
  },
  {
    group: "editor",
    rules: [
      { why: "the editor runs tasks, some when the folder opens", patterns: ".vscode/tasks.json .zed/tasks.json" },
      { why: "the editor starts it when you debug", patterns: ".vscode/launch.json .zed/debug.json" },
      { why: "editor settings can name programs", patterns: ".vscode/settings.json", precise: "settings" },
      {
        why: "editor settings can name programs",
        patterns: `
          .{vscode,zed,fleet,theia,nova,helix}/ *.code-workspace *.sublime-project .vim{,rc}/
          .{exrc,vimrc,nvimrc,gvimrc,lvimrc} .nvim{.lua,rc.lua,/} .dir-locals{,-2}.el .ycm_extra_conf.py .projectile`,
      },
      { why: "runs programs on your machine, outside its container", patterns: ".devcontainer/ .devcontainer.json" },
      { why: "JetBrains run configurations and settings", patterns: ".idea/ .run/ *.run.xml *.iml *.ipr" },
      { why: "Xcode runs its scripts", patterns: "*.xcscheme *.pbxproj *.xcworkspacedata ci_scripts/" },
      { why: "Visual Studio or Gitpod starts it", patterns: "launchsettings.json .vs/ .gitpod.{yml,dockerfile}" },
    ],
  },
  {
    group: "agent",
    rules: [
      { why: "programs that agents start (MCP)", patterns: ".mcp.json mcp.json .mcp/ mcp_settings.json" },
      {
        why: "agent settings: hooks, programs, permissions, servers",
        patterns: `
          .{claude,codex,gemini,cursor,opencode,windsurf,continue,roo,kilocode,amazonq,qwen,goose}/
          .{crush,factory,junie,augment,kiro,trae,agents,agent,qoder}/ {,.}opencode.{json,jsonc} {,.}crush.json
          .claude.json .aider* .cordon.toml .goosehints`,
      },
      {
        why: "instructions that agents obey",
        patterns: `
          {claude,claude.local,agents,agents.override,agent,gemini,qwen,codex,warp,crush,conventions}.md
          .{cursor,windsurf,cline,roo,goose,augment}rules* .clinerules/
          .{cursorrules,windsurfrules,clinerules,roorules} .rules .github/copilot-instructions.md
          .github/{instructions,prompts,chatmodes,agents,skills}/ skill.md *.mdc`,
      },
      { why: "says what agents may not read", patterns: ".{cursor,gemini,aider,codeium,claude,roo,ai}ignore" },
    ],
  },
  {
    group: "packages",
    rules: [
      { why: "package managers run it", patterns: "package.json", precise: "manifest" },
      {
        why: "package manager settings: script shell, registry, code to load",
        patterns: `
          .npmrc .yarnrc .yarnrc.yml .yarn/ .pnpmfile.{cjs,js,mjs} pnpmfile.{cjs,js} pnpm-workspace.yaml
          .pnp.{cjs,js,loader.mjs} bunfig.toml .node-gyp/ binding.gyp {deno,jsr}.{json,jsonc}`,
      },
      {
        why: "names the packages that get installed",
        patterns: `
          {package-lock,npm-shrinkwrap}.json yarn.lock pnpm-lock.yaml bun.lock{,b}
          {poetry,uv,pdm,pipfile,composer,cargo,deno,gemfile,pixi}.lock requirements*.txt go.sum pipfile
          {environment,pixi}.{yml,yaml,toml}`,
      },
      {
        why: "Python runs it when packages install or start",
        patterns: `
          setup.{py,cfg} pyproject.toml {site,user}customize.py *.pth {uv,pip}.{toml,conf} pixi.toml manage.py
          hatch_build.py`,
      },
      { why: "composer runs its scripts and plugins", patterns: "composer.json auth.json .php-version" },
      {
        why: "bundler and gem run it as code",
        patterns: "gemfile gems.rb *.gemspec .bundle/ extconf.rb .gemrc .irbrc .pryrc",
      },
      {
        why: "packages of other languages, run as code",
        patterns: `
          mix.exs package.swift podfile fastfile rebar.config build.sbt project.clj deps.edn *.cabal stack.yaml
          pubspec.yaml dune-project *.opam *.rockspec build.zig{,.zon} conanfile.{py,txt} vcpkg.json .rprofile
          *.nimble shard.yml cpanfile makefile.pl *.bb *.nuspec nuget.config`,
      },
    ],
  },
  {
    group: "build",
    rules: [
      { why: "make runs it", patterns: "{gnumakefile,makefile,bsdmakefile} makefile.* *.mk *.mak" },
      {
        why: "a task runner runs it",
        patterns: `
          {justfile,.justfile} *.just taskfile*.{yml,yaml}
          {rakefile,thorfile,guardfile,procfile,brewfile,vagrantfile,dangerfile,capfile}{,.*} *.rake
          {gulpfile,gruntfile,jakefile,cakefile}{,.js,.cjs,.mjs,.ts,.coffee} {fabfile,tasks,dodo}.py magefile.go
          earthfile {nx,turbo,lerna,rush,moon}.json{,c} .moon/ {lage,wireit,backstop}.config.* tiltfile skaffold.yaml
          bacon.toml xtask/`,
      },
      {
        why: "gradle or maven runs it",
        patterns: `
          gradlew{,.bat} mvnw{,.cmd} gradle/ *.gradle{,.kts} gradle.properties init.gradle .mvn/ pom.xml build.xml
          ivy.xml {settings,build}.gradle.kts`,
      },
      {
        why: "CMake, meson or another build system runs it",
        patterns: `
          cmakelists.txt *.cmake cmake{user,}presets.json meson.build meson_options.txt
          {build,workspace,module}{,.bazel,.bzlmod} *.bzl .bazelrc buck{,.v2} .buckconfig configure{,.ac,.in} *.m4
          autogen.sh wscript sconstruct sconscript premake*.lua xmake.lua *.ninja`,
      },
      {
        why: "cargo builds with it, and runs it",
        patterns: "build.rs .cargo/ cargo.toml rust-toolchain{,.toml} {clippy,.clippy,rustfmt,.rustfmt}.toml",
      },
      { why: "go builds with it", patterns: "go.{mod,work} go.env .goreleaser.{yml,yaml}" },
      {
        why: "MSBuild runs it",
        patterns: "*.{csproj,fsproj,vbproj,vcxproj,props,targets,sln,slnx} global.json dotnet-tools.json",
      },
      {
        why: "build tools load it as code",
        patterns: `
          {vite,webpack,rollup,esbuild,next,nuxt,astro,svelte,remix,babel,postcss,tailwind,metro}.config.*
          {tsup,tsdown,rspack,rsbuild,parcel,snowpack,craco,vue,electron.vite,forge,drizzle,prisma}.config.*
          {knexfile,ormconfig,app,uno,unocss,wxt,rolldown,farm,gatsby,quasar,capacitor,expo,plopfile}.config.*
          {knexfile,ormconfig,plopfile,gatsby-node,gatsby-config,ember-cli-build}.* .babelrc* .postcssrc* .swcrc
          .parcelrc tsconfig*.json angular.json conf.py mkdocs.{yml,yaml} _config.yml wrangler.{toml,json,jsonc}
          serverless.* samconfig.toml cdk.json pulumi.* *.tf terragrunt.hcl .terraformrc ansible.cfg`,
      },
    ],
  },
  {
    group: "check",
    rules: [
      {
        why: "pytest, tox or nox runs it",
        patterns: `
          conftest.py {tox,pytest,.pytest}.ini noxfile.py {.coveragerc,.pylintrc,pylintrc,mypy.ini,.mypy.ini} .flake8
          {ruff,.ruff}.toml .pdbrc{,.py} *.robot`,
      },
      {
        why: "test runners load it as code",
        patterns: `
          {jest,vitest,playwright,cypress,karma,ava,wdio,nightwatch}.{config,conf,workspace,setup}.*
          {cucumber,web-test-runner,stryker,happo,detox}.{config,conf,setup}.*
          vitest.{workspace,setup}.* jest.setup.* .mocharc* .nycrc* .rspec .simplecov phpunit.xml{,.dist} .storybook/
          phpstan.neon{,.dist}`,
      },
      {
        why: "linters and formatters load it as code",
        patterns: `
          {eslint,prettier,stylelint,oxlint,xo,commitizen}.config.* .{eslint,prettier,stylelint,cz,ls-lint}rc*
          {biome,.oxlintrc,dprint}.json{,c} .rubocop.yml .php-cs-fixer* rector.php .golangci.{yml,yaml,toml,json}
          .swiftlint.yml .clang-tidy .clangd compile_commands.json compile_flags.txt .scalafix.conf .solargraph.yml
          .standard.yml trunk.yaml .trunk/ .megalinter.yml`,
      },
    ],
  },
  {
    group: "ci",
    rules: [
      {
        why: "CI runs it with your repository's secrets",
        patterns: `
          .github/{workflows,actions}/ action.{yml,yaml} .gitlab-ci{,*}.yml .gitlab/ .circleci/ jenkinsfile*
          .{travis,appveyor,drone,cirrus,woodpecker,semaphore}.yml appveyor.yml .woodpecker/
          .{buildkite,semaphore,teamcity,tekton,gitea,forgejo,harness}/ azure-pipelines*.{yml,yaml} .azure-pipelines/
          bitbucket-pipelines.yml cloudbuild.{yaml,yml,json} buildspec.{yml,yaml} codemagic.yaml
          {netlify,vercel,fly,render,railway,now}.{toml,json,yaml} .{cirrus.star,drone.star} dagger.json .dagger/
          .builds/ .build.yml`,
      },
      {
        why: "bots that change or merge code obey it",
        patterns: `
          .github/{dependabot,settings,mergify,renovate}.{yml,yaml,json,json5} .mergify.yml renovate.json{,5}
          .renovaterc* {,.github/,docs/}codeowners .releaserc* release.config.* .changeset/`,
      },
    ],
  },
  {
    group: "container",
    rules: [
      {
        why: "built and run by Docker or Podman",
        patterns: `
          {docker,container}file{,.*} *.dockerfile *.containerfile {docker-,podman-,}compose*.{yml,yaml}
          docker-bake.{hcl,json} .dockerignore *.pod.yaml`,
      },
      { why: "deployed to a cluster", patterns: "{chart,helmfile,kustomization}.{yaml,yml} *.nomad vagrantfile" },
    ],
  },
];
