import fs from "node:fs";
import type { CordonError } from "../errors.ts";
import { escapeControls } from "../terminal/escape.ts";

/** The only writer to the terminal. Text is shown as it is; whoever prints foreign text escapes it first. */
export type Output = {
  /** One line on stdout. */
  line(text: string): void;
  /** One line on stderr: progress, notes, warnings. */
  note(text: string): void;
  /** What a terminal shows beside the screen: a desktop notification where it knows them (OSC 9), nothing elsewhere. */
  notification(text: string): void;
  json(value: unknown): void;
  colour: boolean;
};

export const createOutput = (env: Record<string, string>, stdoutIsTty: boolean): Output => {
  const colour = !env["NO_COLOR"] && (stdoutIsTty || Boolean(env["FORCE_COLOR"]));
  return {
    colour,
    line: (text) => write(1, `${text}\n`),
    note: (text) => write(2, `${text}\n`),
    notification: (text) => write(1, `\x1b]9;${text}\x07`),
    json: (value) => write(1, `${JSON.stringify(value, null, 2)}\n`),
  };
};

const mostRecorded = 100;

/** Notes are also put into `said`, the first of them. */
export const recording = (out: Output, said: string[]): Output => ({
  ...out,
  note: (text) => {
    if (said.length < mostRecorded) said.push(text);
    out.note(text);
  },
});

/** For whoever begins again: a note that is in `said` already is left out, once. */
export const leavingOut = (out: Output, said: string[]): Output => ({
  ...out,
  note: (text) => {
    const at = said.indexOf(text);
    if (at < 0) out.note(text);
    else said.splice(at, 1);
  },
});

/** A refusal as people read it: what happened, then the next thing to type. */
export const formatError = (error: CordonError, colour: boolean): string => {
  // Loaded when something is refused only: it takes a millisecond.
  const styleText = colour ? process.getBuiltinModule("node:util").styleText : undefined;
  const label = (name: string, style: "red" | "cyan") =>
    styleText?.([style, "bold"], name, { validateStream: false }) ?? name;
  const lines = [`${label("error:", "red")} ${escapeControls(error.message)}`];
  if (error.hint) lines.push(`${label("hint:", "cyan")} ${escapeControls(error.hint)}`);
  return lines.join("\n");
};

/** Writes everything now, so that nothing is lost when the process exits. A reader that has gone away is no error. */
const write = (fd: number, text: string): void => {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(fd, bytes, at);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code !== "EAGAIN") return;
    }
  }
};
