const title = "cordon";

/** A program that shows a notification, and its arguments: the sentence is one of them and no code. */
export type DesktopCall = { name: string; args: string[] };

/** `notify-send` (its body is read as markup), or macOS's `osascript`, which takes the words as arguments of a script. */
export const desktopCall = (platform: NodeJS.Platform, sentence: string): DesktopCall =>
  platform === "darwin"
    ? { name: "osascript", args: [...script.flatMap((line) => ["-e", line]), sentence, title] }
    : { name: "notify-send", args: [`--app-name=${title}`, "--", title, escapeMarkup(sentence)] };

const script = ["on run argv", "display notification (item 1 of argv) with title (item 2 of argv)", "end run"];

const escapeMarkup = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
