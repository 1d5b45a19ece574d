import type { Checkpoint } from "../checkpoint.ts";
import type { Target } from "../dialler.ts";
import { judgesRequests } from "../rules.ts";
import { injectionsFor } from "./inject.ts";

/** Whether requests to a target have to be looked at: for a credential or for a rule. */
export const isIntercepted = ({ rules, interception }: Checkpoint, { name, port }: Target): boolean =>
  injectionsFor(interception.injections, name, port).length > 0 || judgesRequests(rules, name, port);
