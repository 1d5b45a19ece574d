import fs from "node:fs";
import path from "node:path";
import type { Places } from "../places.ts";
import { makePrivateDirectory } from "../run/registry.ts";
import { parseObject, textOf } from "./formats/json-text.ts";
import { readCredentialFile, replaceFile } from "./store.ts";

/** The one login or token of an agent that cordon itself keeps: in the agent's own format, or with the variable it belongs in. */
export type KeptToken = { variable: string; value: string };

export const keptLoginFile = (places: Places, agent: string): string => path.join(placeOf(places), `${agent}.json`);
export const keptTokenFile = (places: Places, agent: string): string =>
  path.join(placeOf(places), `${agent}.token.json`);

const placeOf = (places: Places): string => path.join(places.state, "credentials");

/** Keeps what the agent's own sign-in has written, in place of what was kept before. Gives the file. */
export const keepLogin = (places: Places, agent: string, text: string): string => {
  keep(places, keptLoginFile(places, agent), text);
  fs.rmSync(keptTokenFile(places, agent), { force: true });
  return keptLoginFile(places, agent);
};

export const keepToken = (places: Places, agent: string, token: KeptToken): string => {
  keep(places, keptTokenFile(places, agent), `${JSON.stringify(token)}\n`);
  fs.rmSync(keptLoginFile(places, agent), { force: true });
  return keptTokenFile(places, agent);
};

export const readKeptToken = (places: Places, agent: string): KeptToken | undefined => {
  const found = parseObject(readCredentialFile(keptTokenFile(places, agent)) ?? "");
  const [variable, value] = [textOf(found?.["variable"]), textOf(found?.["value"])];
  return variable !== undefined && value !== undefined ? { variable, value } : undefined;
};

const keep = (places: Places, file: string, text: string): void => {
  fs.mkdirSync(places.state, { recursive: true, mode: 0o700 });
  makePrivateDirectory(placeOf(places));
  replaceFile(file).commit(text);
};
