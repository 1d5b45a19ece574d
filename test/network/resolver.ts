import dgram from "node:dgram";
import type { NetworkLab } from "./lab.ts";

/** The name server of the small internet, at the address that its resolv.conf names; `answer` decides about each query. */
export const answerNames = async (lab: NetworkLab, answer: (query: Buffer, send: (reply: Buffer) => void) => void) => {
  const socket = dgram.createSocket("udp4");
  const seen = { count: 0, isOver: false };
  socket.on("message", (query, { port, address }) => {
    seen.count += 1;
    answer(query, (reply) => {
      if (!seen.isOver) socket.send(reply, port, address);
    });
  });
  await new Promise<void>((resolve) => socket.bind(53, "11.1.1.53", resolve));
  lab.onClose(() => {
    seen.isOver = true;
    socket.close();
  });
  return seen;
};

/** An answer without records and with this return code (RFC 1035, 4.1.1). */
export const withFlags = (query: Buffer, rcode: number): Buffer => {
  const reply = Buffer.from(query.subarray(0, questionEnd(query)));
  reply.writeUInt16BE(0x8180 | rcode, 2);
  reply.fill(0, 6, 12);
  return reply;
};

const questionEnd = (query: Buffer): number => query.indexOf(0, 12) + 5;

/** The address 11.1.1.1 for questions after A; nothing for others. */
export const withAddress = (query: Buffer): Buffer => {
  const reply = withFlags(query, 0);
  if (query.readUInt16BE(questionEnd(query) - 4) !== 1) return reply;
  reply.writeUInt16BE(1, 6);
  return Buffer.concat([reply, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 11, 1, 1, 1])]);
};
