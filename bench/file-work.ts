import fs from "node:fs";

// Runs inside and outside alike, in the project: times itself, so that starting it does not count.

const block = Buffer.alloc(1024 * 1024, "cordon");
const blocks = 256;
const smallFiles = 5_000;

const timed = (work: () => void): number => {
  const start = performance.now();
  work();
  return performance.now() - start;
};

const name = "bench-large";
const directory = "bench-small";
const small = Array.from({ length: smallFiles }, (_, index) => `${directory}/${index}`);

const writeMs = timed(() => {
  const fd = fs.openSync(name, "w");
  for (let index = 0; index < blocks; index++) fs.writeSync(fd, block);
  fs.closeSync(fd);
});
const readMs = timed(() => {
  const fd = fs.openSync(name, "r");
  while (fs.readSync(fd, block) > 0);
  fs.closeSync(fd);
});
fs.unlinkSync(name);

fs.mkdirSync(directory);
const createMs = timed(() => {
  for (const file of small) fs.writeFileSync(file, "x");
});
const statMs = timed(() => {
  for (const file of small) fs.statSync(file);
});
const unlinkMs = timed(() => {
  for (const file of small) fs.unlinkSync(file);
});
fs.rmdirSync(directory);

console.log(JSON.stringify({ writeMs, readMs, createMs, statMs, unlinkMs }));
