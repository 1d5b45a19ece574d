import { isCancel, multiselect, select } from "@clack/prompts";

/** Lists to choose from, on a terminal. Loaded when somebody has to choose: it takes some milliseconds. */

export type Option = { value: string; label: string; hint?: string };

/** The value of one; undefined when the user has thought better of it. Labels are shown as they are. */
export const pickOne = async (message: string, options: Option[]): Promise<string | undefined> => {
  const answer = await select({ message, options, output: process.stderr });
  return isCancel(answer) ? undefined : answer;
};

/** The values of some, at least one; undefined as above. */
export const pickSome = async (message: string, options: Option[]): Promise<string[] | undefined> => {
  const answer = await multiselect({ message, options, required: true, output: process.stderr });
  return isCancel(answer) ? undefined : answer;
};
