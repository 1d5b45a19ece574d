import type { FdSource, Launch } from "../../src/launch.ts";

type Edit = (launch: Launch, hostEnv: NodeJS.ProcessEnv) => Launch;

/** Edits the arguments that bubblewrap reads from its descriptor. */
const editArguments =
  (edit: (args: string[], launch: Launch) => string[]): Edit =>
  (launch) => {
    const editSource = (source: FdSource): FdSource => {
      if (source.kind !== "bytes" || source.name !== "args") return source;
      const args = Buffer.from(source.bytes).toString().split("\0").slice(0, -1);
      return { ...source, bytes: Buffer.from(`${edit(args, launch).join("\0")}\0`) };
    };
    return { ...launch, main: { ...launch.main, fds: launch.main.fds.map(editSource) } };
  };

/** Edits what stands behind the `--` of bubblewrap: the program and its arguments. */
const editCommand =
  (edit: (command: string[]) => string[]): Edit =>
  (launch) => {
    const { args } = launch.main;
    const start = args.indexOf("--", args.indexOf("--args")) + 1;
    return { ...launch, main: { ...launch.main, args: [...args.slice(0, start), ...edit(args.slice(start))] } };
  };

/** What a careless backend would do, each as a change of a compiled launch. */
const edits = {
  none: (launch: Launch) => launch,
  "shared network": editArguments((args) => args.filter((arg) => arg !== "--unshare-net")),
  "writable root": editArguments((args) => {
    const bound = args.map((arg, at) => (arg === "--ro-bind" && args[at + 1] === args[at + 2] ? "--bind" : arg));
    return bound.filter(
      (arg, at) =>
        !(arg === "--remount-ro" && bound[at + 1] === "/") && !(arg === "/" && bound[at - 1] === "--remount-ro"),
    );
  }),
  "host's git directory": editArguments((args) => {
    const at = args.findIndex((arg, index) => arg.endsWith("/.git") && args[index - 2] === "--bind");
    return at < 0 ? args : [...args.slice(0, at - 2), ...args.slice(at + 1)];
  }),
  "visible home": editArguments((args, { main }) => {
    const home = main.env["HOME"]!;
    const at = args.findIndex((arg, index) => arg === home && args[index - 1] === "--tmpfs");
    // `--perms N --size N` in front of `--tmpfs` means nothing to a bind.
    const start = args.lastIndexOf("--perms", at);
    // Links cannot be made where the host has something.
    const isLinked = (index: number) => args[index] === "--symlink" && args[index + 2]!.startsWith(`${home}/`);
    const rest = args.slice(at).filter((_, index) => ![0, 1, 2].some((back) => isLinked(at + index - back)));
    return [...args.slice(0, start), "--ro-bind", home, ...rest];
  }),
  "host environment": (launch: Launch, hostEnv: NodeJS.ProcessEnv) => ({
    ...launch,
    main: { ...launch.main, env: { ...(hostEnv as Record<string, string>), ...launch.main.env } },
  }),
  "joined arguments": editCommand((command) => ["/bin/sh", "-c", command.join(" ")]),
} satisfies Record<string, Edit>;

export type Weakness = keyof typeof edits;
export const weaknesses = Object.keys(edits) as Weakness[];

export const weaken = (weakness: Weakness, launch: Launch, hostEnv: NodeJS.ProcessEnv): Launch =>
  edits[weakness](launch, hostEnv);
