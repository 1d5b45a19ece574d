import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { attempt } from "./reach.ts";
import { call, writeMemory } from "./syscall.ts";

/** Listening sockets where desktops, agents and engines have theirs, and one abstract socket. */
export function plantSockets({ home, runtime, token }: { home: string; runtime: string; token: string }) {
  const inRuntime = (...names: string[]) => names.map((name) => join(runtime, name));
  const temporary = `/tmp/escape-${token}`;
  const sockets: Record<string, string[]> = {
    "KI-06": [...inRuntime("daemon.sock"), join(home, ".daemon.sock"), `${temporary}/daemon.sock`],
    "KI-07": inRuntime("bus", "systemd/private"),
    "KI-08": [...inRuntime("ssh-agent", "keyring/control"), join(home, ".gnupg/S.gpg-agent")],
    "KI-09": [...inRuntime("docker.sock", "podman/podman.sock"), join(home, ".docker/run/docker.sock")],
    "KI-10": [...inRuntime("nvim.1.0", "vscode-ipc.sock"), `${temporary}/tmux`, `${temporary}/kitty`],
    "KI-11": [...inRuntime("wayland-0", "pipewire-0", "pulse/native"), `${temporary}/X9`],
    "CF-14": inRuntime("cordon/escape.sock"),
  };
  const abstractSocket = `escape-${token}`;
  const listeners = [...Object.values(sockets).flat(), `\0${abstractSocket}`].map((unix) => {
    if (!unix.startsWith("\0")) mkdirSync(dirname(unix), { recursive: true, mode: 0o755 });
    return Bun.listen({ unix, socket: { data() {} } });
  });
  const close = () => {
    for (const listener of listeners) listener.stop(true);
    rmSync(temporary, { recursive: true, force: true });
  };
  const env = {
    SSH_AUTH_SOCK: join(runtime, "ssh-agent"),
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(runtime, "bus")}`,
    DOCKER_HOST: `unix://${join(runtime, "docker.sock")}`,
    TMUX: `${temporary}/tmux,1,0`,
  };
  return { facts: { sockets, abstractSocket }, env, close };
}

/** A host process with secrets in its arguments and environment, on a terminal of its own. */
export async function plantProcesses({ lower, canary }: { lower: string[]; canary: string }) {
  let output = "";
  let announce = () => {};
  const announced = new Promise<void>((resolve) => {
    announce = resolve;
  });
  // `sh` stays the process, so that the argument after the script stays in its command line.
  const script = "tty; while :; do sleep 600; done";
  const env = { PATH: "/usr/bin:/bin", ESCAPE_SECRET: canary };
  const child = Bun.spawn([...lower, "sh", "-c", script, canary], {
    env,
    cwd: "/",
    terminal: {
      data(_, bytes) {
        output += Buffer.from(bytes);
        if (output.includes("\n")) announce();
      },
    },
  });
  await announced;
  const isVictimAlive = () => {
    const status = attempt(() => readFileSync(`/proc/${child.pid}/stat`, "utf8"));
    return status !== undefined && !status.includes(") Z ");
  };
  const end = async () => {
    child.kill("SIGKILL");
    await child.exited;
    child.terminal?.close();
  };
  const facts = { victim: child.pid, terminal: output.trim().split(/\s+/)[0]! };
  return { facts, terminalOutput: () => output, isVictimAlive, end };
}

/** Shared memory, a message queue and a key, open to every user as careless programs make them. */
export function plantKernelObjects({ token, text }: { token: string; text: string }) {
  const IPC_CREAT = 0o1000;
  const IPC_RMID = 0;
  const CREATE_READ_WRITE = 0o102;
  const USER_KEYRING = -4;
  const KEYCTL_UNLINK = 9;
  const sharedMemoryKey = Number.parseInt(token.slice(0, 7), 16);
  const segment = call("shmget", sharedMemoryKey, 4096, IPC_CREAT | 0o666).value;
  writeMemory(call("shmat", segment, 0, 0).value, text);
  const messageQueue = `escape-${token}`;
  const queue = call("mq_open", messageQueue, CREATE_READ_WRITE, 0o666, null);
  const keyName = `escape-${token}`;
  const key = call("add_key", "user", keyName, text, text.length, USER_KEYRING);
  const remove = () => {
    call("shmctl", segment, IPC_RMID, null);
    if (!queue.error) call("close", queue.value);
    call("mq_unlink", messageQueue);
    if (!key.error) call("keyctl", KEYCTL_UNLINK, key.value, USER_KEYRING);
  };
  return { facts: { sharedMemoryKey, messageQueue, keyName }, remove };
}
