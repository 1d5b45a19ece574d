/** Where in a request a credential may stand. */
export type Slot = {
  /** In lower case. */
  header: string;
  /** What stands before it in the header's value. With `Basic` the credential is the decoded password. */
  scheme?: "Bearer" | "token" | "Basic";
};

/** A credential that the gateway puts on the wire in place of its placeholder. Data without any secret. */
export type Injection = {
  /** The name of the credential, by which the gateway asks for its value. */
  credential: string;
  /** What stands inside in its place, the whole credential. */
  placeholder: string;
  slots: Slot[];
  /**
   * Where it may go: `NAME:PORT` or `*.NAME:PORT`, by verified TLS; or `localhost:PORT` for a port of this machine's
   * loopback that the user's own settings name, as it is.
   */
  hosts: string[];
};

/** The real value, on the host only. */
export type LiveCredential = {
  /** Undefined when it cannot be had. */
  value(): string | undefined;
  /** Undefined while the value is good; else settles, and never rejects, when it has been renewed or could not be. */
  freshen(): Promise<void> | undefined;
  /** The server did not take this value. */
  reject(value: string): void;
  /** All that must not come back in an answer: the values of now and of before. */
  secrets(): string[];
};

export type LiveCredentials = ReadonlyMap<string, LiveCredential>;
