/** What an observer of a private terminal is told. Nothing of what is shown or typed is handed over. */
export type Watch = {
  /** The program has asked for attention: by BEL, which the terminal has passed on, or by a notification (OSC 9, 99, 777). */
  called(by: "bell" | "notification"): void;
  /** Something was shown. */
  shown(): void;
  /** A key was typed; answers of the terminal do not count. */
  typed(): void;
};
