import type { Host } from "../host.ts";
import type { TakenBase } from "./base.ts";
import type { Session } from "./record.ts";
import { updateSession } from "./store.ts";

/**
 * The base of a new session, taken while its program starts: the host's files are out of the program's reach, so it is
 * the same as before the start. Until then the session counts as begun from HEAD: should cordon be killed, what the user
 * had changed by then is taken for a change of both sides where the session has changed it too.
 */
export type DeferredBase = {
  /** The program is about to start. */
  begin(): void;
  /** Gives what there is to say about it, once, when it has been taken. Never rejects. */
  settle(): Promise<string[]>;
};

/** Without `take` there is nothing to do. */
export const deferBase = (host: Host, session: Session, take: (() => Promise<TakenBase>) | undefined): DeferredBase => {
  let taken: Promise<string[]> | undefined;
  const begin = () => {
    taken ??= take ? takeInto(host, session, take) : Promise.resolve([]);
    return taken;
  };
  let isSaid = false;
  return {
    // Not before the program: on a machine with few processors it would have to wait.
    begin: () => void setTimeout(begin, 0),
    settle: async () => {
      const notes = await begin();
      const said = isSaid ? [] : notes;
      isSaid = true;
      return said;
    },
  };
};

const takeInto = async (host: Host, session: Session, take: () => Promise<TakenBase>): Promise<string[]> => {
  try {
    const { base, notes } = await take();
    await updateSession(host, session, () => ({ base }));
    return notes;
  } catch (cause) {
    return [
      `what you had changed before the start counts as not committed by the session: ${(cause as Error).message}`,
    ];
  }
};
