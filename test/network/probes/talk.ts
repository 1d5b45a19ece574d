/** One connection of a probe. Text is one character a byte. */
export interface Talk {
  write(bytes: string | Uint8Array): void;
  /** Everything heard so far, once it matches, the other side is done, or patience is over. */
  hear(until?: RegExp, mostMs?: number): Promise<string>;
  /** Forgets what was heard. */
  forget(): void;
  isClosed(): boolean;
  close(): void;
}

/** Only so that nothing hangs: a gateway that refuses says so, and a server that is reached answers at once. */
let patienceMs = 20_000;

/** Without a gateway there is often nobody to say no, and one way that is open is enough. */
export const losePatience = (): void => {
  patienceMs = 1_000;
};

/** Undefined when nothing accepts. */
export const dial = async (hostname: string, port: number): Promise<Talk | undefined> => {
  let text = "";
  let isClosed = false;
  let waiting: Uint8Array = new Uint8Array();
  let notice = () => {};
  const over = () => {
    isClosed = true;
    notice();
  };
  const flush = (socket: { write(bytes: Uint8Array): number }) => {
    const written = waiting.length > 0 ? socket.write(waiting) : 0;
    if (written > 0) waiting = waiting.subarray(written);
  };
  const socket = await Bun.connect({
    hostname,
    port,
    socket: {
      data(_, bytes) {
        text += Buffer.from(bytes).toString("latin1");
        notice();
      },
      drain: flush,
      close: over,
      error: over,
    },
  }).catch(() => undefined);
  if (!socket) return undefined;
  return {
    write(bytes) {
      waiting = Buffer.concat([waiting, typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes]);
      flush(socket);
    },
    hear: (until = /$^/, mostMs = patienceMs) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(deadline);
          notice = () => {};
          resolve(text);
        };
        const deadline = setTimeout(done, mostMs);
        notice = () => {
          if (isClosed || until.test(text)) done();
        };
        notice();
      }),
    forget() {
      text = "";
    },
    isClosed: () => isClosed,
    close: () => socket.terminate(),
  };
};

/** Says one thing to one place and gives all that comes back until a server of the world answers. */
export const ask = async (hostname: string, port: number, words: string | Uint8Array = ""): Promise<string> => {
  const talk = await dial(hostname, port);
  if (!talk) return "";
  if (words.length > 0) talk.write(words);
  const heard = await talk.hear(/reached \S+\n/);
  talk.close();
  return heard;
};

/** Which server answered, as a line about the attack, or undefined. */
export const describeReached = (what: string, heard: string): string | undefined => {
  const place = /reached (\S+)\n/.exec(heard)?.[1];
  return place && `${JSON.stringify(what).slice(0, 120)} reached ${place}`;
};

export const request = (host: string, fields = "", target = "/"): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;
