import type { Invocation } from "../cli/argv.ts";
import type { Output } from "../cli/output.ts";
import type { Config } from "../config/config.ts";
import type { Host } from "../host.ts";

/** What every command gets. The configuration is read on demand: some commands must work when it is broken. */
export type Context = {
  host: Host;
  invocation: Invocation;
  out: Output;
  config(): Promise<Config>;
};

/** Carries out one word of cordon's and gives the exit code. */
export type CommandFunction = (context: Context) => Promise<number>;
