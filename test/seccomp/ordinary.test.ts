import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { compileSeccomp, type SeccompArch } from "../../src/backends/seccomp.ts";
import { createScratch, findObstacle, findProgram, identities, removeScratch, runSandboxed } from "./sandbox.ts";

const arch = process.arch as SeccompArch;
const OPTIONS = ["--unshare-user", "--unshare-pid", "--unshare-net"];
const BUN = "bun";

const PYTHON = `
import os, socket, subprocess, threading
assert subprocess.run(["true"]).returncode == 0
out = []
threads = [threading.Thread(target=out.append, args=(n,)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
a, b = socket.socketpair(); a.send(b"x"); assert b.recv(1) == b"x"
server = socket.create_server(("127.0.0.1", 0)); client = socket.create_connection(server.getsockname())
socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
pid = os.fork()
if pid == 0: os._exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
print("ok", len(out))`;
const GIT = `git init -q . && git -c user.name=a -c user.email=a@b.invalid commit -q --allow-empty -m first && git log --format=%s`;
const JAVASCRIPT = `
const { networkInterfaces } = require('node:os');
const { execFileSync } = require('node:child_process');
const { Worker } = require('node:worker_threads');
if (!Array.isArray(networkInterfaces().lo)) throw new Error('no lo');
if (execFileSync('echo', ['child']).toString() !== 'child\\n') throw new Error('no child');
new Worker("require('node:worker_threads').parentPort.postMessage('ok')", { eval: true }).on('message', (text) => {
  console.log(text); process.exit(0);
});`;

const COPY = `
echo text > plain && install -m 755 plain program && cp -a program copy && cp --reflink=auto -p plain again
mkdir -m 2775 shared && mkdir -m 1777 sticky && chmod 755 plain && chmod u+x,g-w again
stat -c '%a %n' again copy plain program shared sticky`;
const TAR = `
mkdir -p in/shared out && echo text > in/file && chmod 755 in/file && chmod 2775 in/shared && mkfifo in/pipe
tar -cf a.tar in && tar -xpf a.tar -C out && stat -c '%a %n' out/in/file out/in/shared`;
const SHARED_GIT = `git init -q --shared . && git -c user.name=a -c user.email=a@b.invalid commit -q --allow-empty -m first
git config core.sharedRepository && stat -c %a .git/objects`;
const MODES = `
const fs = require('node:fs');
fs.writeFileSync('made', '', { mode: 0o755 });
fs.writeFileSync('changed', ''); fs.chmodSync('changed', 0o755);
fs.copyFileSync('made', 'copied'); fs.cpSync('made', 'again'); fs.mkdtempSync('dir-');
const fd = fs.openSync('by-descriptor', 'w', 0o600); fs.fchmodSync(fd, 0o755); fs.closeSync(fd);
console.log(['made', 'changed', 'copied', 'by-descriptor'].map((name) => (fs.statSync(name).mode & 0o7777).toString(8)).join());`;
const COPIED = "744 again\n755 copy\n755 plain\n755 program\n2775 shared\n1777 sticky\n";
const PYTHON_MODES = `
import os, shutil, tempfile, zipfile
with tempfile.TemporaryFile(dir=".") as file: file.write(b"x")
open("a", "w").close(); os.chmod("a", 0o755); shutil.copy2("a", "b"); os.mkdir("d"); os.chmod("d", 0o2775)
shutil.copytree("d", "e"); fd = os.open(".", os.O_RDONLY); os.chmod("a", 0o700, dir_fd=fd)
print(*(oct(os.stat(name).st_mode & 0o7777) for name in "abde"))`;

const programs: { name: string; needs: string; command: string[]; prints: string }[] = [
  { name: "node: interfaces, child, worker", needs: "node", command: ["node", "-e", JAVASCRIPT], prints: "ok\n" },
  { name: "bun: interfaces, child, worker", needs: BUN, command: [BUN, "-e", JAVASCRIPT], prints: "ok\n" },
  {
    name: "python: subprocess, threads, sockets",
    needs: "python3",
    command: ["python3", "-c", PYTHON],
    prints: "ok 8\n",
  },
  { name: "git: init and commit", needs: "git", command: ["sh", "-c", GIT], prints: "first\n" },
  { name: "install, cp, mkdir, chmod", needs: "install", command: ["sh", "-ec", COPY], prints: COPIED },
  {
    name: "tar: create and extract",
    needs: "tar",
    command: ["sh", "-ec", TAR],
    prints: "755 out/in/file\n2775 out/in/shared\n",
  },
  { name: "git: shared repository", needs: "git", command: ["sh", "-ec", SHARED_GIT], prints: "1\n2775\n" },
  { name: "node: modes of files", needs: "node", command: ["node", "-e", MODES], prints: "755,755,755,755\n" },
  { name: "bun: modes of files", needs: BUN, command: [BUN, "-e", MODES], prints: "755,755,755,755\n" },
  {
    name: "python: modes of files",
    needs: "python3",
    command: ["python3", "-c", PYTHON_MODES],
    prints: "0o700 0o755 0o2775 0o2775\n",
  },
  { name: "bash: jobs", needs: "bash", command: ["bash", "-c", "sleep 0.1 & wait; echo ok"], prints: "ok\n" },
  { name: "java: start", needs: "java", command: ["sh", "-c", "java -version 2>/dev/null && echo ok"], prints: "ok\n" },
];

const obstacle = findObstacle();
describe.skipIf(obstacle !== undefined).each(identities)(
  `ordinary programs as $who${obstacle ? `: ${obstacle}` : ""}`,
  ({ prefix }) => {
    const scratch = obstacle ? "" : createScratch([]);
    afterAll(() => removeScratch(scratch));
    const run = (allowUserns: boolean, command: string[]) => {
      const filter = compileSeccomp({ arch, allowUserns });
      const [file, ...rest] = command;
      const located = file === BUN ? join(scratch, BUN) : file!;
      return runSandboxed({ scratch, prefix, filter, options: OPTIONS, command: [located, ...rest] });
    };

    for (const { name, needs, command, prints } of programs) {
      const isMissing = needs !== BUN && !findProgram(needs);
      test.skipIf(isMissing)(
        isMissing ? `${name}: no ${needs} here` : name,
        () => {
          expect(run(false, command)).toMatchObject({ status: 0, stdout: prints });
        },
        60_000,
      );
    }

    test("the filter holds for the command and for the init of bwrap", () => {
      const { stdout } = run(false, ["grep", "-h", "^Seccomp:", "/proc/self/status", "/proc/1/status"]);
      expect(stdout).toBe("Seccomp:\t2\nSeccomp:\t2\n");
    });

    test("a nested sandbox starts only where the policy allows it", () => {
      const nested = ["bwrap", "--ro-bind", "/", "/", "--unshare-user", "--unshare-pid", "echo", "inner"];
      expect(run(true, nested)).toMatchObject({ status: 0, stdout: "inner\n" });
      const refused = run(false, nested);
      expect(refused).toMatchObject({ status: 1, stdout: "" });
      expect(refused.stderr).toMatch(/no permissions|not permitted/i);
    });
  },
);
