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

/** Everything behind the `--` of bubblewrap, or what replaces it. */
const editCommand =
  (edit: (command: string[]) => string[]): Edit =>
  (launch) => {
    const { args } = launch.main;
    const at = args.lastIndexOf("--", args.lastIndexOf("--args") + 2) + 1;
    const start = args.indexOf("--", args.indexOf("--args")) + 1;
    return { ...launch, main: { ...launch.main, args: [...args.slice(0, start || at), ...edit(args.slice(start))] } };
  };

/** What a careless backend would do, each as a change of a compiled launch. */
const edits = {
  none: (launch: Launch) => launch,
  "shared network": editArguments((args) => args.filter((arg) => arg !== "--unshare-net")),
  "writable root": editArguments((args) =>
    args
      .map((arg, at) => (arg === "--ro-bind" && args[at + 1] === args[at + 2] ? "--bind" : arg))
      .filter((arg, at, all) => !(arg === "--remount-ro" && all[at + 1] === "/") && !(all[at - 1] === "--remount-ro" && arg === "/")),
  ),
  "visible home": editArguments((args, { main }) => {
    const home = main.env["HOME"]!;
    const at = args.findIndex((arg, index) => arg === home && args[index - 1] === "--tmpfs");
    return [...args.slice(0, at - 1), "--ro-bind", home, ...args.slice(at)];
  }),
  "host environment": (launch: Launch, hostEnv: NodeJS.ProcessEnv) => ({
    ...launch,
    main: { ...launch.main, env: { ...(hostEnv as Record<string, string>), ...launch.main.env } },
  }),
  "joined arguments": editCommand((command) => ["/bin/sh", "-c", command.join(" ")]),
} satisfies Record<string, Edit>;

export type Weakness = keyof typeof edits;
export const weaknesses = Object.keys(edits) as Weakness[];

export const weaken = (weakness: Weakness, launch: Launch, hostEnv: NodeJS.ProcessEnv): Launch => {
  const weakened = edits[weakness](launch, hostEnv);
  if (weakness !== "none" && Bun.deepEquals(weakened, launch)) throw new Error(`nothing to weaken: ${weakness}`);
  return weakened;
};
