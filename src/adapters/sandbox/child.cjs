'use strict';
/**
 * The process in which code of tools runs: an interpreter in WebAssembly, no environment, no file system, no network.
 * Talks to its parent by IPC: `{id, action: 'run'|'inspect', ...}` in, `{id, value}` out. Started for one language and, once
 * it has run something, used for that tool alone.
 */
const { Worker } = require('node:worker_threads');
const path = require('node:path');
const { readFileSync } = require('node:fs');

const [language, snapshotFile] = process.argv.slice(2);
/** Kept here alone: the globals are taken away before any foreign code runs. */
const host = process;
const send = host.send.bind(host);
const exit = host.exit.bind(host);

/** Memory that the interpreter may take beyond what it needs itself, bytes. */
const MEMORY_BYTES = 256 * 1024 * 1024;
const PAGE_BYTES = 64 * 1024;

host.on('disconnect', () => exit(0));
watch();

/** Code in an endless loop never hears that the parent is gone; this thread does. */
function watch() {
  const parent = host.ppid;
  const source = `
    setInterval(() => { if (process.ppid !== ${parent}) process.kill(process.pid, 'SIGKILL'); }, 500);
  `;
  new Worker(source, { eval: true, env: {}, resourceLimits: { maxOldGenerationSizeMb: 8 } }).unref();
}

/** The interpreter's memory grows up to the limit; then allocations fail inside it, which the language reports. */
function limitMemory(baseBytes) {
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function limited(pages) {
    if (this.buffer.byteLength + pages * PAGE_BYTES > baseBytes + MEMORY_BYTES)
      throw new RangeError('memory limit');
    return grow.call(this, pages);
  };
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
      'clearTimeout setImmediate clearImmediate MessageChannel queueMicrotask performance URL Iterator'
    ).split(' '),
  );
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (keep.has(name)) continue;
    Object.defineProperty(globalThis, name, { value: undefined, writable: true, configurable: true });
  }
}

async function startPython() {
  // Emscripten asks for the constants of node's file system, which the permission model refuses; it is never used.
  host.binding = () => ({ fs: {} });
  const { loadPyodide } = require('pyodide');
  const harness = readFileSync(path.join(__dirname, 'harness.py'), 'utf8');
  const quiet = { stdin: () => null, stdout: () => undefined, stderr: () => undefined };
  const making = snapshotFile === 'make';
  const options = making
    ? { _makeSnapshot: true }
    : snapshotFile
      ? { _loadSnapshot: readFileSync(snapshotFile) }
      : {};
  const python = await loadPyodide({ ...quiet, ...options, env: {}, jsglobals: Object.create(null) });
  if (making || !snapshotFile) python.runPython(harness);
  if (making) return { snapshot: python.makeMemorySnapshot() };
  const run = python.globals.get('_af_run');
  const inspect = python.globals.get('_af_inspect');
  python.runPython(`
import sys as _s, os as _o
for _m in ('js', 'pyodide_js'):
    _s.modules.pop(_m, None)
for _f in list(_s.meta_path):
    if type(_f).__name__ == 'JsFinder':
        _f.jsproxies.clear()
        _s.meta_path.remove(_f)
_o.environ.clear()
`);
  const files = new Set(listFiles(python.FS));
  limitMemory(python._module.HEAP8.length);
  removeHost();
  return {
    run: async ({ source, name, arguments: args, outputBytes }) => {
      const text = await run(source, name, JSON.stringify(args), outputBytes);
      removeNewFiles(python.FS, files);
      return { ...JSON.parse(text), memoryBytes: python._module.HEAP8.length };
    },
    inspect: async ({ source }) => JSON.parse(inspect(source)),
  };
}

const WRITABLE = ['/tmp', '/home'];

function listFiles(fs, folders = WRITABLE) {
  const found = [];
  for (const folder of folders) {
    if (!fs.analyzePath(folder).exists) continue;
    for (const name of fs.readdir(folder)) {
      if (name === '.' || name === '..') continue;
      const file = `${folder}/${name}`;
      found.push(file);
      if (fs.isDir(fs.lstat(file).mode)) found.push(...listFiles(fs, [file]));
    }
  }
  return found;
}

/** Files live in the interpreter's memory; those of one call are not there for the next. */
function removeNewFiles(fs, known) {
  for (const file of listFiles(fs).reverse()) {
    if (known.has(file)) continue;
    if (fs.isDir(fs.lstat(file).mode)) fs.rmdir(file);
    else fs.unlink(file);
  }
}

async function startJavaScript() {
  const { newQuickJSWASMModule } = require('quickjs-emscripten');
  const quickjs = await newQuickJSWASMModule();
  limitMemory(32 * 1024 * 1024);
  removeHost();
  return { run: (call) => runJavaScript(quickjs, call) };
}

/** A runtime of its own for every call: nothing is left for the next. */
function runJavaScript(quickjs, { source, name, parameters, arguments: args, outputBytes, timeoutMs }) {
  const runtime = quickjs.newRuntime();
  runtime.setMemoryLimit(MEMORY_BYTES);
  runtime.setMaxStackSize(512 * 1024);
  const until = performance.now() + timeoutMs;
  let late = false;
  runtime.setInterruptHandler(() => (late = performance.now() > until));
  const context = runtime.newContext();
  const log = { text: '', exceeded: false };
  const result = (outcome) => ({ ...outcome, logs: log.text, memoryBytes: memoryOf(runtime) });
  try {
    addConsole(context, log, outputBytes);
    const outcome = call(context, runtime, { source, name, parameters, args });
    if (log.exceeded || (outcome.ok && outcome.text.length + log.text.length > outputBytes))
      return result(failed('output_limit', `result and output have more than ${outputBytes} characters`));
    if (!outcome.ok)
      return result(late ? failed('timeout', `the call took longer than ${timeoutMs} ms`) : outcome);
    return result({ ok: true, result: JSON.parse(outcome.text), error: null });
  } finally {
    context.dispose();
    runtime.dispose();
  }
}

const failed = (type, message, line = null) => ({ ok: false, result: null, error: { type, message, line } });

function memoryOf(runtime) {
  const used = /^memory used\s+\d+\s+(\d+)/m.exec(runtime.dumpMemoryUsage());
  return used ? Number(used[1]) : null;
}

function addConsole(context, log, limit) {
  const host = context.newFunction('print', (handle) => {
    const text = `${context.getString(handle)}\n`;
    const room = limit - log.text.length;
    if (text.length > room) log.exceeded = true;
    log.text += text.slice(0, Math.max(0, room));
  });
  context.setProp(context.global, '__print', host);
  host.dispose();
  dispose(
    context.evalCode(
      `(() => {
        const print = globalThis.__print;
        delete globalThis.__print;
        const show = (value) => {
          if (typeof value === 'string') return value;
          try { return JSON.stringify(value) ?? String(value); } catch { return String(value); }
        };
        const write = (...values) => print(values.map(show).join(' '));
        globalThis.console = { log: write, info: write, warn: write, error: write, debug: write };
      })()`,
      'sandbox.js',
    ),
  );
}

const dispose = (result) => (result.error ?? result.value).dispose();

function call(context, runtime, { source, name, parameters, args }) {
  const defined = context.evalCode(`${source}\n;(${name});`, 'tool.js');
  if (defined.error) return errorOf(context, defined.error);
  context.setProp(context.global, '__tool', defined.value);
  defined.value.dispose();
  const positions = parameters ? `__names.map((name) => __args[name])` : '[__args]';
  const started = context.evalCode(
    `(() => {
      const __tool = globalThis.__tool;
      delete globalThis.__tool;
      const __args = JSON.parse(${JSON.stringify(JSON.stringify(args))});
      const __names = ${JSON.stringify(parameters ?? [])};
      const stringify = JSON.stringify;
      return (async () => __tool(...${positions}))().then((value) => {
        if (typeof value === 'bigint') throw new TypeError('a BigInt cannot be written as JSON');
        return stringify(value === undefined ? null : value) ?? 'null';
      });
    })()`,
    'sandbox.js',
  );
  if (started.error) return errorOf(context, started.error);
  const promise = started.value;
  const jobs = runtime.executePendingJobs();
  if (jobs.error) {
    promise.dispose();
    return errorOf(context, jobs.error);
  }
  const state = context.getPromiseState(promise);
  promise.dispose();
  if (state.type === 'pending')
    return failed('never_resolved', 'the function returned a promise that never resolves');
  if (state.type === 'rejected') return errorOf(context, state.error);
  const text = context.getString(state.value);
  state.value.dispose();
  return { ok: true, text };
}

function errorOf(context, handle) {
  const dumped = context.dump(handle);
  handle.dispose();
  if (dumped === null || typeof dumped !== 'object') return failed('Error', String(dumped).slice(0, 4000));
  const { name = 'Error', message = '', stack = '' } = dumped;
  const line = /tool\.js:(\d+)/.exec(String(stack));
  const text = String(message).slice(0, 4000);
  if (/out of memory/i.test(text))
    return failed('memory_limit', 'the call needs more memory than it may have');
  if (/circular|BigInt/i.test(text) && name === 'TypeError') return failed('result_not_json', text);
  return failed(String(name), text || String(name), line ? Number(line[1]) : null);
}

async function main() {
  const interpreter = await (language === 'python' ? startPython() : startJavaScript());
  if (interpreter.snapshot) {
    send({ id: 0, value: { snapshot: interpreter.snapshot } }, () => exit(0));
    return;
  }
  host.on('message', (message) => void answer(interpreter, message));
  send({ id: 0, value: 'ready' });
}

async function answer(interpreter, { id, action, ...request }) {
  try {
    send({ id, value: await interpreter[action](request) });
  } catch (error) {
    // The interpreter itself broke (a stack of the machine ran over, for example): this process is of no use any more.
    const text = error instanceof Error ? error.message : String(error);
    send({ id, broken: text.slice(0, 1000) }, () => exit(1));
  }
}

main().catch((error) => {
  send({ id: 0, broken: error instanceof Error ? error.message : String(error) }, () => exit(1));
});
