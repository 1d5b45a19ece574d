import type { Check } from "../backends/backend.ts";
import type { Host } from "../host.ts";
export const checkNative = async (_host: Host): Promise<Check[]> => [];
