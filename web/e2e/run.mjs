// Runs the browser tests.
//
//   npm run e2e
//       against the mock (after `npm run build`)
//   WAYPOST_BIN=... WASIM_BIN=... npm run e2e
//       starts WhatsApp in a box and a `sim` build of the server on free ports and in a folder of
//       their own, tests against them, and stops them
//   WAYPOST_URL=... WASIM_URL=... [SETUP_TOKEN=...] npm run e2e
//       against a server that runs already
//
// Names of files (e2e/live.spec.mjs) may follow, to run only those.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Longest wait until a program says that it is ready, in milliseconds. */
const START_MS = 30_000;
/** How long a program may take to stop before it is killed, in milliseconds. */
const STOP_MS = 15_000;
/** Lines of a program's output kept for when something goes wrong. */
const LINES_KEPT = 200;

const running = [];

/** The environment without what is meant for this file: the server takes every WAYPOST_ name for a setting. */
function bare() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(WAYPOST|WASIM)_/.test(name)));
}

/** Starts a program and waits for the line that `ready` understands; it returns what it read. */
function start(name, file, args, env, ready) {
  const child = spawn(file, args, { env: { ...bare(), ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const lines = [];
  running.push({ name, child, lines });
  return new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error(`${name} was not ready within ${START_MS / 1000} s:\n${lines.join("\n")}`)), START_MS);
    const read = (line) => {
      lines.push(line);
      if (lines.length > LINES_KEPT) lines.shift();
      const told = ready(line);
      if (told) {
        clearTimeout(late);
        done(told);
      }
    };
    createInterface({ input: child.stdout }).on("line", read);
    createInterface({ input: child.stderr }).on("line", read);
    child.on("error", (error) => fail(new Error(`${name} could not be started: ${error.message}`)));
    child.on("exit", (code) => fail(new Error(`${name} ended with ${code}:\n${lines.join("\n")}`)));
  });
}

async function stop({ child }) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await gone;
  clearTimeout(late);
}

async function startReal(folder) {
  const { WAYPOST_BIN, WASIM_BIN } = process.env;
  if (!WAYPOST_BIN || !WASIM_BIN) throw new Error("Set both WAYPOST_BIN (a build with the feature `sim`) and WASIM_BIN.");
  const box = await start("wasim", WASIM_BIN, ["serve", "--port", "0"], {}, (line) => (line.startsWith("{") ? JSON.parse(line) : null));
  const settings = {
    WAYPOST_DATA_DIR: folder,
    WAYPOST_SERVER__LISTEN: "127.0.0.1:0",
    WAYPOST_WHATSAPP__URL: box.ws_url,
    // What is tested must not depend on how busy the machine is.
    WAYPOST_LOAD__SHEDDING: "off",
  };
  const link = await start("waypost", WAYPOST_BIN, ["serve"], settings, (line) => /https?:\/\/\S+\/setup\?token=\S+/.exec(line)?.[0]);
  const url = new URL(link);
  return { WAYPOST_URL: url.origin, WASIM_URL: box.control_url, SETUP_TOKEN: url.searchParams.get("token") };
}

function runTests(env, files) {
  const args = ["--test", "--test-concurrency=1", "--test-reporter=spec", ...files];
  const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: "inherit" });
  return new Promise((done) => child.on("exit", (code) => done(code ?? 1)));
}

// In the order of the alphabet, as the runner takes them: a new server is set up on arrival.
const ALL = ["arrival", "condition", "conversations", "linking", "live", "looks", "movein", "people", "pipeline", "proxy", "sheets", "understand", "workshop"].map((name) => `e2e/${name}.spec.mjs`);
const files = process.argv.length > 2 ? process.argv.slice(2) : ALL;
const real = process.env.WAYPOST_BIN || process.env.WASIM_BIN;
const folder = mkdtempSync(join(tmpdir(), "waypost-e2e-"));
let code = 1;
try {
  if (!real && !process.env.WAYPOST_URL && !existsSync(join(ROOT, "dist/index.html"))) throw new Error("The dashboard is not built: run `npm run build` first.");
  code = await runTests(real ? await startReal(folder) : {}, files);
  if (code !== 0) for (const { name, lines } of running) console.error(`\n--- the last lines of ${name}:\n${lines.join("\n")}`);
} catch (error) {
  console.error(error.message);
} finally {
  await Promise.all(running.map(stop));
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = code;
