import { mergeSession } from "../../src/sessions/merge/merge.ts";
import type { MergeRequest } from "../../src/sessions/merge/work.ts";

/** A merge in a process of its own, so that it can be killed. The request stands in the first argument. */
const request = JSON.parse(process.argv[2]!) as MergeRequest;
process.stdout.write(JSON.stringify(await mergeSession(request)));
