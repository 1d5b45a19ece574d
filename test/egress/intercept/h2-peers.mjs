// Both ends of HTTP/2 as Node has it: prints the port of its server, then reads the port of what stands in between.
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { createInterface } from "node:readline";

const secret = "sk-real-0123456789";
const large = randomBytes(8 << 20);
const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");

const read = async (stream) => {
  const parts = [];
  stream.on("data", (part) => parts.push(part));
  await once(stream, "end");
  return Buffer.concat(parts);
};

const routes = {
  "/hello": (stream, headers) => {
    stream.respond({ ":status": 200, "alt-svc": "h3=a", "x-echo": headers.authorization });
    stream.end(`hello ${headers.authorization}`);
  },
  "/large": (stream) => {
    stream.respond({ ":status": 200 });
    stream.end(large);
  },
  "/sized": (stream) => {
    stream.respond({ ":status": 200, "content-length": large.length });
    for (let at = 0; at < large.length; at += 100_000) stream.write(large.subarray(at, at + 100_000));
    stream.end();
  },
  "/hash": async (stream) => {
    const hash = hashOf(await read(stream));
    stream.respond({ ":status": 200 });
    stream.end(hash);
  },
  "/trailers": async (stream) => {
    let trailers = {};
    stream.on("trailers", (own) => {
      trailers = own;
    });
    await read(stream);
    stream.additionalHeaders({ ":status": 103, link: "early" });
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ sum: trailers.sum, echo: secret }));
    stream.end("body");
  },
  // Says the next line when the client has told, on another stream, that it has seen the last.
  "/events": (stream) => {
    stream.respond({ ":status": 200, "content-type": "text/event-stream" });
    let count = 0;
    const next = () => {
      count += 1;
      if (count <= 3) stream.write(`data: ${count}\n\n`);
      else stream.end();
    };
    routes["/seen"] = (own) => {
      own.respond({ ":status": 204 }, { endStream: true });
      next();
    };
    next();
  },
  "/split": (stream) => {
    stream.respond({ ":status": 200 });
    const text = `a ${secret} b ${secret.slice(0, 7)}`;
    let at = 0;
    const next = () => {
      if (at === text.length) return stream.end();
      at += 1;
      stream.write(text.slice(at - 1, at), () => setImmediate(next));
    };
    next();
  },
};

const padding = { paddingStrategy: http2.constants.PADDING_STRATEGY_MAX };
/** Node counts what its streams have to send. */
const roomy = { maxSessionMemory: 1_000 };
const server = http2.createServer({ ...roomy, ...padding });
server.on("stream", (stream, headers) => {
  stream.on("error", () => {});
  routes[headers[":path"].split("?")[0]](stream, headers);
});
await once(server.listen(0, "127.0.0.1"), "listening");
console.log(server.address().port);
process.stdin.on("end", () => process.exit());
const [line] = await once(createInterface({ input: process.stdin }), "line");

const open = (settings) =>
  http2.connect("https://a.example", {
    createConnection: () => net.connect(Number(line), "127.0.0.1"),
    ...roomy,
    ...settings,
  });
const ask = async (session, headers, body, trailers) => {
  const stream = session.request(
    { ":method": body === undefined ? "GET" : "POST", authorization: "sk-placeholder", ...headers },
    { waitForTrailers: trailers !== undefined },
  );
  const answer = { status: 0, fields: {}, early: [], trailers: {}, text: "", hash: "" };
  stream.on("headers", (own) => answer.early.push(own.link));
  stream.on("trailers", (own) => Object.assign(answer.trailers, own));
  stream.on("response", (own) => Object.assign(answer, { status: own[":status"], fields: own }));
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(body);
  const whole = await read(stream);
  return { ...answer, text: whole.length < 1000 ? whole.toString() : "", hash: hashOf(whole) };
};

const tasks = {
  hello: (session) => ask(session, { ":path": "/hello" }),
  download: async (session) => (await ask(session, { ":path": "/large" })).hash === hashOf(large),
  sized: async (session) => (await ask(session, { ":path": "/sized" })).hash === hashOf(large),
  upload: async (session) => (await ask(session, { ":path": "/hash" }, large)).text === hashOf(large),
  trailers: (session) => ask(session, { ":path": "/trailers" }, "body", { sum: "1" }),
  split: (session) => ask(session, { ":path": "/split" }),
  events: async (session) => {
    const stream = session.request({ ":path": "/events" });
    const seen = [];
    for await (const part of stream.setEncoding("utf8")) {
      seen.push(part.trim());
      await ask(session, { ":path": "/seen" });
    }
    return seen;
  },
  refused: (session) => ask(session, { ":path": "/refused" }),
  refusedUpload: (session) => ask(session, { ":path": "/refused" }, large),
  parallel: async (session) => {
    const paths = Array.from({ length: 60 }, (_, at) => ["/hello", "/refused", "/hash", "/split"][at % 4]);
    const answers = await Promise.all(
      paths.map((path) => ask(session, { ":path": path }, path === "/hash" ? large.subarray(0, 1 << 20) : undefined)),
    );
    return answers.map(({ status }) => status);
  },
  reset: async (session) => {
    for (let count = 0; count < 20; count += 1) {
      const stream = session.request({ ":path": "/large" });
      await once(stream, "data");
      stream.close(http2.constants.NGHTTP2_CANCEL);
    }
    return (await ask(session, { ":path": "/large" })).hash === hashOf(large);
  },
};

const results = {};
for (const [name, settings] of Object.entries({
  plain: {},
  padding,
  largeFrames: { settings: { maxFrameSize: 1 << 19, initialWindowSize: 1 << 22, headerTableSize: 0 } },
  smallWindow: { settings: { initialWindowSize: 1_000, headerTableSize: 65_536, enablePush: true } },
})) {
  const session = open(settings);
  const errors = [];
  session.on("error", (error) => errors.push(error.message));
  session.on("goaway", (code) => errors.push(`goaway ${code}`));
  results[name] = {};
  for (const [task, run] of Object.entries(tasks))
    results[name][task] = await run(session).catch((error) => `${error.message}; ${errors}`);
  session.close();
  await once(session, "close");
  results[name].errors = errors;
}
console.log(JSON.stringify(results));
