#!/usr/bin/env node
// The command `lamed` of the npm package: starts the program, which the package for this platform holds.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");

// Ends with one line, and as a shell does where a command is not found.
function fail(message) {
  console.error(`error: ${message}`);
  process.exit(127);
}

// The path of the program.
function find() {
  const platform = `${process.platform}-${process.arch}`;
  const name = `lamed-${platform}`;
  try {
    return require.resolve(`${name}/lamed${process.platform === "win32" ? ".exe" : ""}`);
  } catch {
    const isKnown = name in require("../package.json").optionalDependencies;
    if (isKnown && !usesMusl()) {
      return fail(`cannot find the npm package \`${name}\`: run \`npm install lamed\` again, with optional dependencies`);
    }
    return fail(`there is no lamed for ${platform}${isKnown ? " with musl" : ""}: use the container image, or build lamed from source`);
  }
}

function usesMusl() {
  return process.platform === "linux" && !process.report.getReport().header.glibcVersionRuntime;
}

const program = find();
const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
child.on("error", (error) => fail(`cannot run ${program}: ${error.message}`));

// The program decides what a signal means, and when it ends. Windows tells it by itself.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => process.platform === "win32" || child.kill(signal));
}

// npx starts this in a shell, which dies of a signal without passing it on. The program must not live on alone. It is told
// once: a second signal would not let it finish its work.
if (process.env.npm_command === "exec" && process.platform !== "win32") {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    child.kill("SIGTERM");
  }, 500);
  timer.unref();
}

child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  // As the program ended, so that whoever waits for it sees the same.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // As process 1 of a container Node survives its own signal.
  setTimeout(() => process.exit(128 + constants.signals[signal]), 1000);
});
