'use strict';
/* global WebAssembly */
/**
 * Python by Pyodide, in a process that a wall stands around: whatever the interpreter asks of its host passes one gate.
 *
 * After each call the interpreter's memory is put back to what it was before the first, so that nothing of a call (globals,
 * changed modules, open generators) is there for the next. That is sound only while the call left nothing on the host's
 * side, which the gate knows: a call that wrote files, or took more memory than is worth copying, spends the process.
 */
const path = require('node:path');
const { readFileSync } = require('node:fs');
const { zoneFiles } = require('./zones.cjs');

/** Asking these changes nothing that outlives the call, or only the clock. */
const HARMLESS = new Set(
  (
    '_PyEM_TrampolineCall_JS _Py_CheckEmscriptenSignals_Helper _Py_emscripten_runtime can_run_sync_js ' +
    'clock_res_get clock_time_get emscripten_date_now emscripten_get_now random_get _tzset_js _timegm_js _mktime_js ' +
    '_localtime_js _gmtime_js emscripten_resize_heap emscripten_get_heap_max environ_sizes_get environ_get ' +
    '_emscripten_get_progname __syscall_getuid32_js fd_close fd_read fd_seek fd_pread fd_fdstat_get __syscall_fadvise64 ' +
    '__syscall_stat64 __syscall_lstat64 __syscall_fstat64 __syscall_newfstatat __syscall_statfs64 __syscall_fstatfs64 ' +
    '__syscall_getcwd __syscall_getdents64 __syscall_readlinkat __syscall_faccessat __syscall_ioctl __syscall_fcntl64'
  ).split(' '),
);
/** Work on the throw-away files in the interpreter's memory: allowed once, then the process ends. */
const SPENDING = new Set(
  (
    'fd_pwrite fd_sync _mmap_js _munmap_js _msync_js __syscall_chdir __syscall_fchdir __syscall_chmod __syscall_fchmod ' +
    '__syscall_fchmodat2 __syscall_fchownat __syscall_fchown32 __syscall_dup __syscall_dup3 __syscall_ftruncate64 ' +
    '__syscall_truncate64 __syscall_mkdirat __syscall_mknodat __syscall_fallocate __syscall_unlinkat __syscall_rmdir ' +
    '__syscall_renameat __syscall_symlinkat __syscall_utimensat __syscall_umask_js __syscall_fdatasync __syscall_pipe'
  ).split(' '),
);
/** What runs inside the interpreter before any tool, in this order. */
const HARNESS = ['zones.py', 'annotations.py', 'harness.py'];
const ENOSYS = -52;
const EAI_FAIL = -4;
/** Asked for by library functions that honest code may try; they fail there like on a machine without the thing. */
const ABSENT = {
  _emscripten_system: ENOSYS,
  _setitimer_js: ENOSYS,
  __syscall_poll: ENOSYS,
  __syscall_socket: ENOSYS,
  __syscall_connect: ENOSYS,
  __syscall_bind: ENOSYS,
  __syscall_listen: ENOSYS,
  __syscall_accept4: ENOSYS,
  __syscall_sendto: ENOSYS,
  __syscall_sendmsg: ENOSYS,
  __syscall_recvfrom: ENOSYS,
  __syscall_recvmsg: ENOSYS,
  __syscall_getpeername: ENOSYS,
  __syscall_getsockname: ENOSYS,
  __syscall_getsockopt: ENOSYS,
  getaddrinfo: EAI_FAIL,
  getnameinfo: EAI_FAIL,
  getprotobyname: 0,
};
/** Access mode, O_CREAT, O_TRUNC. */
const WRITING = 0o3 | 0o100 | 0o1000;
const STDERR = 2;
/** A sleep asks for the time over and over; past so many questions it waits instead of burning a processor. */
const PATIENT_QUESTIONS = 50;
/** Above this the interpreter's memory costs more to put back than a new process. */
const REWIND_GROWTH_BYTES = 32 * 1024 * 1024;
/** All files of a call together. */
const FILE_BYTES = 64 * 1024 * 1024;
const ENOSPC = 51;

class Violation extends Error {
  constructor(name) {
    super(`the code reached for the host (${name}), which is not there`);
    this.name = 'sandbox_violation';
  }
}

/** Stands between the interpreter and the functions of its host. Open while the interpreter starts. */
class Gate {
  guarding = false;
  spent = false;
  questions = 0;
  cell = new Int32Array(new SharedArrayBuffer(4));

  /** Later instances of WebAssembly get their imports through the gate. */
  install() {
    const { instantiate } = WebAssembly;
    WebAssembly.instantiate = (source, imports) =>
      instantiate(source, imports?.env?.clock_time_get === undefined ? imports : this.guardAll(imports));
  }

  guardAll(imports) {
    const guarded = {};
    for (const [space, entries] of Object.entries(imports))
      guarded[space] = space.startsWith('GOT.') ? entries : this.guardSpace(entries);
    return guarded;
  }

  guardSpace(entries) {
    const plain = ([name, entry]) => [name, typeof entry === 'function' ? this.guard(name, entry) : entry];
    return Object.fromEntries(Object.entries(entries).map(plain));
  }

  guard(name, original) {
    if (name === 'emscripten_get_now') return this.clock(original);
    if (name === '__syscall_openat')
      return this.spending(original, (_folder, _path, flags) => flags & WRITING);
    if (name === 'fd_write') return this.writing(original);
    if (HARMLESS.has(name)) return original;
    if (SPENDING.has(name)) return this.spending(original, () => true);
    const absent = ABSENT[name];
    return (...args) => {
      if (!this.guarding) return original(...args);
      this.spent = true;
      if (absent !== undefined) return absent;
      throw new Violation(name);
    };
  }

  spending(original, does) {
    return (...args) => {
      if (this.guarding && does(...args)) this.spent = true;
      return original(...args);
    };
  }

  /** What passes by Python's own streams goes nowhere; the host would keep it in memory. */
  writing(original) {
    const toFile = this.spending(original, () => true);
    return (fd, vectors, count, writtenAt) => {
      if (!this.guarding) return original(fd, vectors, count, writtenAt);
      if (fd > STDERR) return toFile(fd, vectors, count, writtenAt);
      const words = this.module.HEAPU32;
      let total = 0;
      for (let at = 0; at < count; at++) total += words[(vectors >>> 2) + 2 * at + 1];
      words[writtenAt >>> 2] = total;
      return 0;
    };
  }

  clock(original) {
    return () => {
      if (this.guarding && ++this.questions > PATIENT_QUESTIONS) Atomics.wait(this.cell, 0, 0, 1);
      return original();
    };
  }
}

/**
 * @param snapshotFile the interpreter's memory after its start, `make` to make one, undefined for a start from nothing
 * @param limitMemory told the size of the interpreter at rest, then of each call
 */
async function startPython(host, snapshotFile, limitMemory) {
  // Emscripten asks for the constants of node's file system, which the permission model refuses; it is never used.
  host.binding = () => ({ fs: {} });
  const gate = new Gate();
  gate.install();
  const { loadPyodide } = require('./packages.cjs')('pyodide');
  const quiet = { stdin: () => null, stdout: () => undefined, stderr: () => undefined };
  const making = snapshotFile === 'make';
  const options = { ...quiet, env: {}, jsglobals: Object.create(null) };
  if (making) options._makeSnapshot = true;
  else if (snapshotFile) options._loadSnapshot = readFileSync(snapshotFile);
  const python = await loadPyodide(options);
  if (making || !snapshotFile) {
    const zones = zoneFiles(require('./packages.cjs')('moment-timezone/data/packed/latest.json'));
    python.FS.writeFile('/tmp/zones.json', JSON.stringify(zones));
    for (const name of HARNESS) python.runPython(readFileSync(path.join(__dirname, name), 'utf8'));
    python.FS.unlink('/tmp/zones.json');
  }
  if (making) return { snapshot: python.makeMemorySnapshot() };
  python.runPython('_af_close_doors()');
  limitFiles(python.FS);
  return new Interpreter(python._module, gate, limitMemory);
}

/** Files live outside of the interpreter's memory and have a limit of their own. */
function limitFiles(fs) {
  const { file } = fs.filesystems.MEMFS.ops_table;
  const full = () => {
    throw new fs.ErrnoError(ENOSPC);
  };
  const { write } = file.stream;
  let written = 0;
  file.stream.write = (stream, buffer, offset, length, position, canOwn) => {
    written += length;
    if (written > FILE_BYTES || position + length > FILE_BYTES) full();
    return write(stream, buffer, offset, length, position, canOwn);
  };
  const { setattr } = file.node;
  file.node.setattr = (node, attributes) => {
    if (attributes.size > FILE_BYTES || (written += attributes.size ?? 0) > FILE_BYTES) full();
    return setattr(node, attributes);
  };
  if (file.stream.allocate) file.stream.allocate = full;
}

class Interpreter {
  constructor(module, gate, limitMemory) {
    this.module = module;
    this.gate = gate;
    gate.module = module;
    this.limitMemory = limitMemory;
    const globals = module._PyModule_GetDict(
      this.withText('__main__', (name) => module._PyImport_AddModule(name)),
    );
    const find = (name) => this.withText(name, (text) => module._PyDict_GetItemString(globals, text));
    this.functions = { run: find('_af_run'), inspect: find('_af_inspect') };
    this.stack = module.stackSave();
    this.streams = [...module.FS.streams];
    this.folder = module.FS.currentPath;
    this.image = module.HEAPU8.slice();
  }

  run({ memoryBytes, ...call }) {
    this.limitMemory(this.image.length, memoryBytes);
    const text = this.call('run', call);
    return { text, memoryBytes: this.module.HEAPU8.length };
  }

  inspect({ source }) {
    return JSON.parse(this.call('inspect', { source }));
  }

  /** Puts the memory back. Called when the answer is on its way, so that nobody waits for it. */
  rewind() {
    const { module } = this;
    module.HEAPU8.set(this.image);
    module.HEAPU8.fill(0, this.image.length);
    module.stackRestore(this.stack);
  }

  /** Whether the call left nothing that `rewind` cannot put back. */
  isReusable() {
    const { FS, HEAPU8 } = this.module;
    return (
      !this.gate.spent &&
      HEAPU8.length <= this.image.length + REWIND_GROWTH_BYTES &&
      FS.currentPath === this.folder &&
      FS.streams.every((stream, fd) => stream === this.streams[fd])
    );
  }

  /** Calls by the C API of Python: nothing of JavaScript is handed in, so there is nothing to reach back through. */
  call(name, request) {
    const { module, gate } = this;
    gate.questions = 0;
    gate.guarding = true;
    try {
      const answer = this.withText(JSON.stringify(request), (pointer, length) => {
        const text = module._PyUnicode_FromStringAndSize(pointer, length);
        return text === 0 ? 0 : module._PyObject_CallOneArg(this.functions[name], text);
      });
      // The harness reports every exception; without one it had no memory left to do so.
      if (answer === 0) throw new RangeError('memory limit');
      return this.textOf(answer);
    } finally {
      gate.guarding = false;
    }
  }

  withText(text, use) {
    const { module } = this;
    const bytes = Buffer.from(`${text}\0`, 'utf8');
    const pointer = module._malloc(bytes.length);
    if (pointer === 0) throw new RangeError('memory limit');
    module.HEAPU8.set(bytes, pointer);
    const result = use(pointer, bytes.length - 1);
    module._free(pointer);
    return result;
  }

  textOf(object) {
    const { module } = this;
    const sizeAt = module._malloc(4);
    const pointer = module._PyUnicode_AsUTF8AndSize(object, sizeAt);
    const size = module.HEAPU32[sizeAt >>> 2];
    if (pointer === 0) throw new RangeError('memory limit');
    return Buffer.from(module.HEAPU8.subarray(pointer, pointer + size)).toString('utf8');
  }
}

module.exports = { startPython };
