/** Where the programs that agents ask for the clipboard stand inside: cordon itself, by another name. */
export const programsPlace = "/run/cordon/bin";
export const programs = ["xclip", "wl-paste"] as const;

export const socketPlace = "/run/cordon/clipboard.sock";

/** The types of what may come in. */
export const imageTypes = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"] as const;
export type ImageType = (typeof imageTypes)[number];

/**
 * One request a connection, a line: `types`, or one of the types. The answer is `ok LENGTH` in a line and as many
 * bytes, or `no REASON`.
 */
export type ClipboardRequest = "types" | ImageType;

export const readRequest = (line: string): ClipboardRequest | undefined =>
  line === "types" ? line : imageTypes.find((type) => type === line);

export const maxImageBytes = 20 * 1024 * 1024;
