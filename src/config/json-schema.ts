import { toJsonSchema } from "@valibot/to-json-schema";
import { configSchema } from "./schema.ts";

/** The JSON Schema of the configuration file, for editors. Checks that a pattern cannot say are left to cordon. */
export const renderJsonSchema = () => ({
  ...toJsonSchema(configSchema, { errorMode: "ignore" }),
  title: "cordon configuration",
});
