'use strict';
/**
 * JavaScript by QuickJS: a runtime of its own for every call, and afterwards the memory of the interpreter is put back,
 * so that nothing is left for the next, not even by a fault in the interpreter.
 */
const { inspectJavaScript } = require('./javascript-source.cjs');
const PRELUDE = require('node:fs').readFileSync(require('node:path').join(__dirname, 'prelude.js'), 'utf8');

/** A process that holds more after a call is replaced. */
const MOST_IDLE_BYTES = 96 * 1024 * 1024;
const STACK_BYTES = 512 * 1024;
const MESSAGE_CHARACTERS = 4_000;

async function startJavaScript() {
  const { newQuickJSWASMModule } = require('./packages.cjs')('quickjs-emscripten');
  const quickjs = await newQuickJSWASMModule();
  const instance = { quickjs, broken: false };
  const memory = quickjs.getWasmMemory();
  new Run(instance, FIRST_CALL).outcome(); // what is made once, on the host's side as well, is made before the image
  const image = new Uint8Array(memory.buffer).slice();
  return {
    run: (call) => new Run(instance, call).outcome(),
    inspect: ({ source }) => inspectJavaScript(source),
    // The memory of an instance never shrinks.
    isReusable: () => !instance.broken && memory.buffer.byteLength < MOST_IDLE_BYTES,
    rewind: () => {
      const bytes = new Uint8Array(memory.buffer);
      bytes.set(image);
      bytes.fill(0, image.length);
    },
  };
}

const FIRST_CALL = {
  source: 'function f() { console.log(1); }',
  name: 'f',
  parameters: [],
  arguments: '{}',
  integers: [],
  timeoutMs: 10_000,
  memoryBytes: 32 * 1024 * 1024,
  outputBytes: 1024,
};

const failed = (type, message, line = null) => ({ error: { type, message, line } });

/** One call, from the making of its runtime to its end. */
class Run {
  constructor(instance, call) {
    this.instance = instance;
    this.call = call;
    this.logs = [];
    this.room = call.outputBytes;
    this.exceeded = false;
    this.late = false;
    this.until = performance.now() + call.timeoutMs;
    this.runtime = instance.quickjs.newRuntime();
    this.runtime.setMemoryLimit(call.memoryBytes);
    this.runtime.setMaxStackSize(STACK_BYTES);
    this.runtime.setInterruptHandler(() => (this.late = performance.now() > this.until) || this.exceeded);
    this.context = this.runtime.newContext();
  }

  /** @returns {{text: string, memoryBytes: number | null}} the outcome as JSON */
  outcome() {
    const { outputBytes, timeoutMs } = this.call;
    let answer = this.evaluate();
    const memoryBytes = this.memory();
    if (this.exceeded || (answer.json?.length ?? 0) > this.room)
      answer = failed('output_limit', `result and output have more than ${outputBytes} characters`);
    else if (this.late) answer = failed('timeout', `the call took longer than ${timeoutMs} ms`);
    this.dispose();
    const rest = `"error":${JSON.stringify(answer.error ?? null)},"logs":${JSON.stringify(this.logs.join(''))}`;
    return { text: `{"ok":${!answer.error},"result":${answer.json ?? 'null'},${rest}}`, memoryBytes };
  }

  /** A runtime that was interrupted at a bad moment cannot be freed: then the process is not used again. */
  dispose() {
    try {
      this.context.dispose();
      this.runtime.dispose();
    } catch {
      this.instance.broken = true;
    }
  }

  memory() {
    const used = /^memory used\s+\d+\s+(\d+)/m.exec(this.runtime.dumpMemoryUsage());
    return used ? Number(used[1]) : null;
  }

  /** Handles are freed with the context; a call that fails half way leaves some, hence the scope. */
  evaluate() {
    const { context, call } = this;
    const handles = [];
    const keep = (handle) => (handles.push(handle), handle);
    try {
      const harness = this.unwrap(context.evalCode(PRELUDE, 'sandbox.js'), keep);
      const print = keep(context.newFunction('print', (text) => this.print(context.getString(text))));
      const now = keep(context.newFunction('now', () => context.newNumber(performance.now())));
      const invoke = this.unwrap(context.callFunction(harness, context.undefined, print, now), keep);
      const tool = this.unwrap(context.evalCode(`${call.source}\n;(${call.name});`, 'tool.js'), keep);
      const args = keep(context.newString(call.arguments));
      const integers = keep(context.newString(JSON.stringify(call.integers)));
      const names = keep(context.newString(JSON.stringify(call.parameters)));
      const state = this.unwrap(
        context.callFunction(invoke, context.undefined, tool, args, names, integers),
        keep,
      );
      return this.settle(state, keep);
    } catch (error) {
      if (error instanceof GuestError) return error.failure;
      throw error;
    } finally {
      for (const handle of handles.reverse()) if (handle.alive) handle.dispose();
    }
  }

  /** Runs jobs, and timers when their time comes, until the function's promise is settled. */
  settle(state, keep) {
    const { context } = this;
    const tick = keep(context.getProp(state, 'tick'));
    for (;;) {
      const jobs = this.runtime.executePendingJobs();
      if (jobs.error) throw new GuestError(this.describe(keep(jobs.error)));
      const settled = keep(context.getProp(state, 'json'));
      if (context.typeof(settled) === 'string') return { json: context.getString(settled) };
      const error = keep(context.getProp(state, 'error'));
      if (context.typeof(error) === 'object') return this.describe(error);
      const wait = context.getNumber(this.unwrap(context.callFunction(tick, context.undefined), keep));
      if (wait < 0) return failed('never_resolved', 'the function returned a promise that never resolves');
      if (wait > 0) this.sleep(wait);
      if (this.late) return failed('timeout', '');
    }
  }

  sleep(milliseconds) {
    const left = this.until - performance.now();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.max(0, Math.min(milliseconds, left)));
    this.late = performance.now() > this.until;
  }

  print(text) {
    if (text.length > this.room) this.exceeded = true;
    this.logs.push(text.slice(0, this.room));
    this.room = Math.max(0, this.room - text.length);
  }

  unwrap(result, keep) {
    if (result.error) throw new GuestError(this.describe(keep(result.error)));
    return keep(result.value);
  }

  /** @param handle what was thrown: an error of the guest, or anything */
  describe(handle) {
    const { context } = this;
    const kind = context.typeof(handle);
    if (kind !== 'object' && kind !== 'function')
      return failed('Error', String(context.dump(handle)).slice(0, MESSAGE_CHARACTERS));
    // Copied by the guest's own rules, which a getter of its making may break.
    const [name, message, stack] = ['name', 'message', 'stack'].map((key) => this.textProperty(handle, key));
    if (name === 'InternalError' && message.includes('out of memory'))
      return failed('memory_limit', 'the call needs more memory than it may have');
    const line = /tool\.js:(\d+)/.exec(stack);
    return failed(
      name.slice(0, 100) || 'Error',
      message.slice(0, MESSAGE_CHARACTERS) || name || 'Error',
      line ? Number(line[1]) : null,
    );
  }

  textProperty(handle, key) {
    const { context } = this;
    let property;
    try {
      property = context.getProp(handle, key);
    } catch {
      return ''; // a getter that throws: there is nothing to tell
    }
    const text = context.typeof(property) === 'string' ? context.getString(property) : '';
    property.dispose();
    return text;
  }
}

/** Carries a failure of the foreign code out of nested calls. */
class GuestError extends Error {
  constructor(failure) {
    super('the code failed');
    this.failure = failure;
  }
}

module.exports = { startJavaScript };
