import { type ImportRequest, importCommits } from "../../src/workspace/import.ts";

/** An import in a process of its own, so that it can be killed. The request stands in the first argument. */
const request = JSON.parse(process.argv[2]!) as ImportRequest;
process.stdout.write(JSON.stringify(await importCommits(request)));
