import { changeRules } from "./allow.ts";
import type { CommandFunction } from "./context.ts";

/** `cordon deny PATTERN…`: as `cordon allow`, the other way round. A denial wins over every allowance. */
export const runDeny: CommandFunction = (context) => changeRules("deny", context);
