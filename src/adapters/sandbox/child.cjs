'use strict';
/* global WebAssembly */
/**
 * The process in which code of tools runs: an interpreter in WebAssembly, no environment, no file system, no network.
 * Talks to its parent by IPC: `{id, action: 'run'|'inspect', ...}` in, `{id, value, spent}` or `{id, broken}` out;
 * `spent` says that the process must not be used again.
 * Arguments: language, pid of the parent, snapshot file (Python), folder of the packages.
 */
const { Worker } = require('node:worker_threads');

const [language, parent, snapshotFile] = process.argv.slice(2);
/** Kept here alone: the globals are taken away before any foreign code runs. */
const host = process;
const send = host.send.bind(host);
const exit = host.exit.bind(host);

const PAGE_BYTES = 64 * 1024;

host.on('disconnect', () => exit(0));
watch();

/** Code in an endless loop never hears that the parent is gone; this thread does. */
function watch() {
  const source = `
    setInterval(() => { if (process.ppid !== ${Number(parent)}) process.kill(process.pid, 'SIGKILL'); }, 500);
  `;
  new Worker(source, { eval: true, env: {}, resourceLimits: { maxOldGenerationSizeMb: 8 } }).unref();
}

/** The interpreter's memory grows up to the limit; then allocations fail inside it, which the language reports. */
function memoryLimiter() {
  let most = Infinity;
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function limited(pages) {
    if (this.buffer.byteLength + pages * PAGE_BYTES > most) throw new RangeError('memory limit');
    return grow.call(this, pages);
  };
  return (baseBytes, memoryBytes) => (most = baseBytes + memoryBytes);
}

/** What a script could reach if it ever got out of its interpreter is taken away, as a second wall. */
function removeHost() {
  const keep = new Set(
    (
      'Object Function Array Number Boolean String Symbol BigInt Math JSON Reflect Proxy Promise Date RegExp Error ' +
      'AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError Map Set WeakMap WeakSet WeakRef ' +
      'FinalizationRegistry ArrayBuffer SharedArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray Int16Array ' +
      'Uint16Array Int32Array Uint32Array Float32Array Float64Array BigInt64Array BigUint64Array Atomics WebAssembly ' +
      'globalThis undefined NaN Infinity isNaN isFinite parseInt parseFloat TextDecoder TextEncoder setTimeout ' +
      'clearTimeout setImmediate clearImmediate MessageChannel queueMicrotask performance URL Iterator Buffer'
    ).split(' '),
  );
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (keep.has(name)) continue;
    // Deleted first: to redefine a global that Node makes when it is first asked for (undici's) would make it.
    delete globalThis[name];
    Object.defineProperty(globalThis, name, { value: undefined, writable: true, configurable: true });
  }
}

async function main() {
  const limitMemory = memoryLimiter();
  const interpreter =
    language === 'python'
      ? await require('./python.cjs').startPython(host, snapshotFile, limitMemory)
      : await require('./javascript.cjs').startJavaScript();
  if (interpreter.snapshot) {
    send({ id: 0, value: { snapshot: interpreter.snapshot } }, () => exit(0));
    return;
  }
  removeHost();
  host.on('message', (message) => answer(interpreter, message));
  send({ id: 0, value: 'ready' });
}

/** Deeper results break those who read them recursively. */
const MOST_DEPTH = 200;
const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [...'"\\[]{}'].map((c) =>
  c.charCodeAt(0),
);

/** @param text valid JSON */
function depthOf(text) {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === OPEN_LIST || code === OPEN_OBJECT) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
  }
  return deepest;
}

/** An escaped character takes so many. */
const ESCAPED_CHARACTERS = 6;
const FRAME_CHARACTERS = 10_000;

/** @param value.text the outcome as JSON: an object around the result. Written by code that foreign code may have changed. */
function bounded(value, { outputBytes }) {
  if (value.text === undefined) return value;
  if (value.text.length > outputBytes * ESCAPED_CHARACTERS + FRAME_CHARACTERS)
    return replaced(value, 'output_limit', `result and output have more than ${outputBytes} characters`, '');
  if (depthOf(value.text) <= MOST_DEPTH + 1) return value;
  const { logs } = JSON.parse(value.text);
  return replaced(value, 'result_not_json', `the result is nested deeper than ${MOST_DEPTH} levels`, logs);
}

const replaced = (value, type, message, logs) => ({
  ...value,
  text: JSON.stringify({ ok: false, result: null, error: { type, message, line: null }, logs }),
});

function answer(interpreter, { id, action, ...request }) {
  try {
    const value = bounded(interpreter[action](request), request);
    const spent = !interpreter.isReusable();
    // Sent first, so that the parent does not wait for the tidying up.
    send({ id, value, spent });
    if (!spent) interpreter.rewind();
  } catch (error) {
    // The interpreter itself broke (a stack of the machine ran over, for example): this process is of no use any more.
    const { name = 'Error', message = String(error) } = error ?? {};
    send({ id, broken: { type: String(name), message: String(message).slice(0, 1000) } }, () => exit(1));
  }
}

main().catch((error) => {
  send({ id: 0, broken: { type: String(error?.name), message: String(error?.message) } }, () => exit(1));
});
