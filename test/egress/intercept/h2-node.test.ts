import { beforeAll, describe, expect, test } from "bun:test";
import { options, secret, startPeers, startRelay, withoutScrubber } from "./h2-lab.ts";

type Answer = { status: number; fields: Record<string, string>; early: string[]; trailers: object; text: string };
type Results = {
  hello: Answer;
  trailers: Answer;
  split: Answer;
  refused: Answer;
  refusedUpload: Answer;
  download: boolean;
  sized: boolean;
  upload: boolean;
  reset: boolean;
  events: string[];
  parallel: number[];
  errors: string[];
};

const stars = "*".repeat(secret.length);
const refusal = { status: 403, text: "cordon: not here\n" };

/** Client and server of Node, which watch over every credit; each kind of session of `h2-peers.mjs` does all tasks. */
describe.each([
  ["with a scrubber", options, stars],
  ["without", withoutScrubber, secret],
])("between Node and Node, %s", (_, chosen, seen) => {
  let results: Record<string, Results>;
  let problems: string[];
  beforeAll(async () => {
    const peers = await startPeers();
    const relay = await startRelay(peers.port, chosen);
    problems = relay.problems;
    results = JSON.parse(await peers.tell(relay.port));
  }, 120_000);

  test("nothing was cut off", () => expect(problems).toEqual([]));

  describe.each(["plain", "padding", "largeFrames", "smallWindow"])("session %s", (name) => {
    test("has no errors", () => expect(results[name]!.errors).toEqual([]));
    test("carries the credential there and not back", () => {
      const { status, fields, text } = results[name]!.hello;
      expect([status, text, fields["x-echo"], fields["alt-svc"]]).toEqual([200, `hello ${seen}`, "***", undefined]);
    });
    test("carries large bodies both ways", () => {
      const { download, sized, upload } = results[name]!;
      expect({ download, sized, upload }).toEqual({ download: true, sized: true, upload: true });
    });
    test("carries trailers and early heads", () => {
      const { early, trailers, text } = results[name]!.trailers;
      expect({ early, trailers, text }).toEqual({
        early: ["early"],
        trailers: { sum: "1", echo: "***" },
        text: "body",
      });
    });
    test("finds a secret that comes byte by byte", () =>
      expect(results[name]!.split.text).toBe(`a ${seen} b ${secret.slice(0, 7)}`));
    test("does not delay an event until the next", () =>
      expect(results[name]!.events).toEqual(["data: 1", "data: 2", "data: 3"]));
    test("is told what is refused, also in the middle of an upload", () => {
      expect(results[name]!.refused).toMatchObject(refusal);
      expect(results[name]!.refusedUpload).toMatchObject(refusal);
    });
    test("has many requests at a time, refused ones among them", () =>
      expect(results[name]!.parallel).toEqual(Array.from({ length: 60 }, (_, at) => (at % 4 === 1 ? 403 : 200))));
    test("loses no credit when answers are taken back", () => expect(results[name]!.reset).toBeTrue());
  });
});
