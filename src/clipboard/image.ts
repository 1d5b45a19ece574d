import type { ImageType } from "./clipboard.ts";

const latin = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));

/** What files of a type begin with, and at which byte. */
const beginnings: Record<ImageType, { at: number; bytes: number[] }[][]> = {
  "image/png": [[{ at: 0, bytes: [0x89, ...latin("PNG\r\n\x1a\n")] }]],
  "image/jpeg": [[{ at: 0, bytes: [0xff, 0xd8, 0xff] }]],
  "image/gif": [[{ at: 0, bytes: latin("GIF87a") }], [{ at: 0, bytes: latin("GIF89a") }]],
  "image/webp": [
    [
      { at: 0, bytes: latin("RIFF") },
      { at: 8, bytes: latin("WEBP") },
    ],
  ],
  // After its length stand four bytes of zero.
  "image/bmp": [
    [
      { at: 0, bytes: latin("BM") },
      { at: 6, bytes: [0, 0, 0, 0] },
    ],
  ],
};

const headBytes = 64;

/**
 * True for bytes that begin as a file of this type does. Some of these beginnings are letters, so the head must also hold
 * a zero, which text never does and the header of every image does.
 */
export const isImage = (bytes: Uint8Array, type: ImageType): boolean =>
  bytes.subarray(0, headBytes).includes(0) &&
  beginnings[type].some((parts) =>
    parts.every((part) => part.bytes.every((byte, index) => bytes[part.at + index] === byte)),
  );
