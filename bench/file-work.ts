import fs from "node:fs";

// Runs inside and outside alike, in the project. A line on stdin asks for one turn of work, and a line with its times is
// the answer: starting does not count, and the two sides can take turns.

const block = Buffer.alloc(1024 * 1024, "cordon");
const blocks = 32;
const smallFiles = 250;

const timed = (work: () => void): number => {
  const start = performance.now();
  work();
  return performance.now() - start;
};

const takeTurn = (): Record<string, number> => {
  const large = `large-${process.argv[2]}`;
  const directory = `small-${process.argv[2]}`;
  const small = Array.from({ length: smallFiles }, (_, index) => `${directory}/${index}`);
  const writeMs = timed(() => {
    const fd = fs.openSync(large, "w");
    for (let index = 0; index < blocks; index++) fs.writeSync(fd, block);
    fs.closeSync(fd);
  });
  const readMs = timed(() => {
    const fd = fs.openSync(large, "r");
    while (fs.readSync(fd, block) > 0);
    fs.closeSync(fd);
  });
  fs.unlinkSync(large);
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
  return { writeMs, readMs, createMs, statMs, unlinkMs };
};

const line = Buffer.alloc(64);
while (fs.readSync(0, line) > 0) fs.writeSync(1, `${JSON.stringify(takeTurn())}\n`);
