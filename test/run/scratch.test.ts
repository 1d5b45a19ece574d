import { afterEach, beforeEach, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { placesOf } from "../../src/places.ts";
import { findAbandonedScratch, makeScratch, removeAbandonedScratch } from "../../src/run/scratch.ts";

let home: string;
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-scratch-"));
});
afterEach(() => fs.rmSync(home, { recursive: true }));

const places = () => placesOf({}, home, 1000);
const names = () => fs.readdirSync(path.join(places().state, "scratch"));

test("stays as long as somebody holds it, and is private", () => {
  const scratch = makeScratch(places());
  expect(fs.readdirSync(scratch.work)).toEqual([]);
  expect(fs.statSync(scratch.directory).mode & 0o777).toBe(0o700);
  expect(removeAbandonedScratch(places())).toEqual([]);
  expect(fs.existsSync(scratch.work)).toBe(true);
  scratch.remove();
  expect(names()).toEqual([]);
});

test("what an owner that is gone has left is found and removed, without following links out of it", () => {
  expect(findAbandonedScratch(places())).toEqual([]);
  const homeMode = 0o711;
  fs.chmodSync(home, homeMode);
  const precious = path.join(home, "precious");
  fs.writeFileSync(precious, "");
  const directory = path.join(places().state, "scratch/gone");
  fs.mkdirSync(path.join(directory, "work"), { recursive: true });
  fs.symlinkSync(home, path.join(directory, "work/link"));
  fs.mkdirSync(path.join(directory, "work/shut/inner"), { recursive: true });
  fs.chmodSync(path.join(directory, "work/shut/inner"), 0);
  fs.chmodSync(path.join(directory, "work/shut"), 0);
  fs.writeFileSync(`${directory}.lock`, "");
  expect(findAbandonedScratch(places())).toEqual([directory]);
  const standing = makeScratch(places());
  expect(removeAbandonedScratch(places())).toEqual([directory]);
  expect(names().length).toBe(2);
  expect(fs.existsSync(precious)).toBe(true);
  expect(fs.statSync(home).mode & 0o777).toBe(homeMode);
  standing.remove();
});

test("a lock without a directory, of one that died between the two, is removed as well", () => {
  makeScratch(places()).remove();
  fs.writeFileSync(path.join(places().state, "scratch/gone.lock"), "");
  removeAbandonedScratch(places());
  expect(names()).toEqual([]);
});
