import { type ImageType, imageTypes } from "./clipboard.ts";

/** How one program of the host is asked for its clipboard. */
export type Tool = {
  list: string[];
  /** The types in what `list` printed, among them ours. */
  typesIn(printed: Uint8Array): ImageType[];
  read(type: ImageType): string[];
  /** The image in what `read` printed. */
  imageIn(printed: Uint8Array): Uint8Array;
};

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const linesOf = (printed: Uint8Array): ImageType[] => {
  const lines = textOf(printed).split("\n");
  return imageTypes.filter((type) => lines.some((line) => line.trim() === type));
};

const asItIs = (printed: Uint8Array): Uint8Array => printed;

/** The classes of AppleScript; what has none there cannot be read. */
const classes: Partial<Record<ImageType, string>> = {
  "image/png": "PNGf",
  "image/jpeg": "JPEG",
  "image/gif": "GIFf",
  "image/bmp": "BMP ",
};

/** wl-paste(1), xclip(1), and osascript(1), which prints data as `«data PNGf89504E47…»`. */
export const tools = {
  "wl-paste": {
    list: ["--list-types"],
    typesIn: linesOf,
    read: (type) => ["--type", type],
    imageIn: asItIs,
  },
  xclip: {
    list: ["-selection", "clipboard", "-t", "TARGETS", "-o"],
    typesIn: linesOf,
    read: (type) => ["-selection", "clipboard", "-t", type, "-o"],
    imageIn: asItIs,
  },
  osascript: {
    list: ["-e", "clipboard info"],
    typesIn: (printed) => imageTypes.filter((type) => classes[type] && textOf(printed).includes(classes[type])),
    read: (type) => ["-e", `the clipboard as «class ${classes[type] ?? "none"}»`],
    imageIn: (printed) => Buffer.from(/«data ....([0-9A-F]*)»/.exec(textOf(printed))?.[1] ?? "", "hex"),
  },
} satisfies Record<string, Tool>;

export type ToolName = keyof typeof tools;
