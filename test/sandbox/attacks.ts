/** What hostile or broken code tries, and how each attempt must end. */
import type { JsonObject, JsonValue } from '../../src/ports/records';
import type { SandboxLanguage, SandboxLimits } from '../../src/ports/sandbox';

export interface Attack {
  name: string;
  language: SandboxLanguage;
  source: string;
  arguments?: JsonObject;
  limits?: Partial<SandboxLimits>;
  /** Error types one of which must come; or the harmless result of code that found nothing. */
  ends: { errors: string[] } | { result: JsonValue };
}

const short = { timeoutMs: 600 };

const python = (name: string, body: string, ends: Attack['ends'], limits?: Attack['limits']): Attack => ({
  name,
  language: 'python',
  source: `def attack():\n${body
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')}\n`,
  ends,
  limits,
});
const javascript = (name: string, body: string, ends: Attack['ends'], limits?: Attack['limits']): Attack => ({
  name,
  language: 'javascript',
  source: `function attack() {\n${body}\n}\n`,
  ends,
  limits,
});
const errors = (...types: string[]): Attack['ends'] => ({ errors: types });
const gives = (result: JsonValue): Attack['ends'] => ({ result });

/** Digs up functions and types of the bridge to JavaScript that are still in memory. */
const DIG = (name: string): string =>
  [
    'import gc',
    `found = [x for x in gc.get_objects() if getattr(type(x), "__name__", "") == ${JSON.stringify(name)}]`,
  ].join('\n');

export const ATTACKS: Attack[] = [
  // Time
  python('loops for ever', 'while True:\n    pass', errors('timeout'), short),
  python(
    'loops for ever and catches everything',
    'while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass',
    errors('timeout'),
    short,
  ),
  python('sleeps longer than it may', 'import time\ntime.sleep(60)', errors('timeout'), short),
  python(
    'backtracks in a regular expression',
    'import re\nre.match(r"(a+)+$", "a" * 40 + "b")',
    errors('timeout'),
    short,
  ),
  python('computes a power without end', 'return 10 ** 10 ** 9', errors('timeout', 'memory_limit'), short),
  python(
    'sorts with a comparison that never ends',
    'import itertools\nreturn sum(itertools.count())',
    errors('timeout'),
    short,
  ),
  python(
    'exhausts an endless generator',
    'def bomb():\n    while True: yield 1\nreturn bomb()',
    errors('timeout', 'memory_limit'),
    { timeoutMs: 3000 },
  ),
  python(
    'awaits something that never comes',
    'import asyncio\nasync def main():\n    await asyncio.get_running_loop().create_future()\nreturn main()',
    errors('never_resolved'),
  ),
  javascript('loops for ever', 'for (;;) {}', errors('timeout'), short),
  javascript(
    'loops for ever and catches everything',
    'for (;;) { try { for (;;) {} } catch {} finally { continue; } }',
    errors('timeout'),
    short,
  ),
  javascript(
    'backtracks in a regular expression',
    'return /^(a+)+$/.test("a".repeat(40) + "b");',
    errors('timeout'),
    short,
  ),
  javascript(
    'feeds the job queue for ever',
    'const again = () => Promise.resolve().then(again); return again();',
    errors('timeout'),
    short,
  ),
  javascript(
    'sets timers for ever',
    'return new Promise(() => { const again = () => setTimeout(again, 0); again(); });',
    errors('timeout'),
    short,
  ),
  javascript(
    'returns a promise that never resolves',
    'return new Promise(() => {});',
    errors('never_resolved'),
  ),
  javascript(
    'sleeps longer than it may',
    'return new Promise((done) => setTimeout(done, 60000));',
    errors('timeout'),
    short,
  ),
  javascript(
    'hangs while its result is written',
    'return { toJSON() { for (;;) {} } };',
    errors('timeout'),
    short,
  ),
  javascript(
    'hangs in a getter of its error',
    'throw { get message() { for (;;) {} } };',
    errors('timeout'),
    short,
  ),
  javascript('hangs in a thenable', 'return { then() { for (;;) {} } };', errors('timeout'), short),

  // Memory
  python(
    'asks for 10 GB at once',
    'return len(bytearray(10 * 1024 ** 3))',
    errors('memory_limit', 'OverflowError'),
  ),
  python(
    'asks for 3 GB at once',
    'return len(bytearray(3 * 1024 ** 3 - 1))',
    errors('memory_limit', 'OverflowError'),
  ),
  python(
    'takes memory bit by bit',
    'kept = []\nwhile True:\n    kept.append("x" * 1000000 + str(len(kept)))',
    errors('memory_limit'),
  ),
  python(
    'takes memory in small objects',
    'kept = None\nwhile True:\n    kept = [kept]',
    errors('memory_limit', 'sandbox_lost', 'RecursionError'),
  ),
  python(
    'doubles a string',
    'text = "x"\nwhile True:\n    text += text',
    errors('memory_limit', 'TypeError'),
  ),
  python(
    'fills a file',
    'with open("/tmp/big", "wb") as file:\n    while True:\n        file.write(b"x" * 1000000)',
    errors('OSError'),
  ),
  python(
    'makes a sparse file of 10 GB',
    'with open("/tmp/big", "wb") as file:\n    file.truncate(10 * 1024 ** 3)',
    errors('OSError', 'OverflowError'),
  ),
  python(
    'seeks and writes at 10 GB',
    'with open("/tmp/big", "wb") as file:\n    file.seek(10 * 1024 ** 3)\n    file.write(b"x")',
    errors('OSError', 'OverflowError'),
  ),
  javascript(
    'takes memory bit by bit',
    'const kept = []; for (;;) kept.push("x".repeat(100000) + kept.length);',
    errors('memory_limit', 'timeout'),
  ),
  javascript(
    'asks for 10 GB at once',
    'return new ArrayBuffer(10 * 1024 ** 3).byteLength;',
    errors('memory_limit', 'RangeError', 'TypeError'),
  ),
  javascript(
    'fills a typed array of 1 GB',
    'return new Uint8Array(1024 ** 3).length;',
    errors('memory_limit', 'RangeError'),
  ),
  javascript(
    'doubles a string',
    'let text = "x"; for (;;) text += text;',
    errors('memory_limit', 'InternalError', 'RangeError', 'timeout'),
    { timeoutMs: 5000 },
  ),
  javascript(
    'makes a list of two billion places',
    'return new Array(2 ** 31).fill(1).length;',
    errors('memory_limit', 'timeout', 'RangeError'),
    { timeoutMs: 3000 },
  ),

  // Depth
  python('recurses without end', 'def down(): return down()\nreturn down()', errors('RecursionError')),
  python(
    'raises the recursion limit and recurses',
    'import sys\nsys.setrecursionlimit(10 ** 9)\ndef down(): return down()\nreturn down()',
    errors('RecursionError', 'memory_limit', 'sandbox_lost'),
  ),
  python(
    'recurses in C',
    'x = []\nfor _ in range(200000): x = [x]\nreturn repr(x)',
    errors('RecursionError', 'memory_limit', 'sandbox_lost'),
  ),
  python(
    'compiles a nest of brackets',
    'return eval("(" * 100000 + ")" * 100000)',
    errors('SyntaxError', 'MemoryError', 'memory_limit', 'RecursionError'),
  ),
  python(
    'returns a result of great depth',
    'x = []\nfor _ in range(5000): x = [x]\nreturn x',
    errors('result_not_json'),
  ),
  javascript(
    'recurses without end',
    'const down = () => down(); return down();',
    errors('InternalError', 'RangeError'),
  ),
  javascript(
    'returns a result of great depth',
    'let x = []; for (let n = 0; n < 5000; n++) x = [x]; return x;',
    errors('result_not_json', 'InternalError'),
  ),
  javascript(
    'parses JSON of great depth',
    'return JSON.parse("[".repeat(100000) + "]".repeat(100000)).length;',
    errors('InternalError', 'SyntaxError', 'RangeError'),
  ),

  // Output
  python('prints 100 MB', 'for _ in range(100): print("x" * 1000000)', errors('output_limit')),
  python(
    'prints 100 MB and swallows the error',
    'for _ in range(100):\n    try: print("x" * 1000000)\n    except BaseException: pass',
    errors('output_limit'),
  ),
  python(
    'writes past the log',
    'import os\nfor _ in range(1000): os.write(1, b"x" * 100000)\nreturn 1',
    gives(1),
  ),
  python('returns 100 MB', 'return "x" * 100000000', errors('output_limit')),
  javascript(
    'prints 100 MB',
    'for (let n = 0; n < 100; n++) console.log("x".repeat(1000000));',
    errors('output_limit'),
  ),
  javascript(
    'prints 100 MB and swallows the error',
    'for (let n = 0; n < 100; n++) { try { console.log("x".repeat(1000000)); } catch {} }',
    errors('output_limit'),
  ),
  javascript('returns 100 MB', 'return "x".repeat(100000000);', errors('output_limit')),

  // Results without a JSON form
  python('returns itself', 'x = []\nx.append(x)\nreturn x', errors('result_not_json')),
  python('returns NaN', 'return float("nan")', errors('result_not_json')),
  python('returns infinity', 'return [float("inf")]', errors('result_not_json')),
  python('returns keys that are tuples', 'return {(1, 2): 3}', errors('result_not_json')),
  python('returns a function', 'return attack', errors('result_not_json')),
  python('returns an object of its own', 'class Thing: pass\nreturn Thing()', errors('result_not_json')),
  python('returns half a character', 'return "\\ud800"', gives('\ud800')),
  javascript('returns itself', 'const x = {}; x.x = x; return x;', errors('result_not_json')),
  javascript('returns NaN', 'return NaN;', errors('result_not_json')),
  javascript('returns infinity inside', 'return { a: [1 / 0] };', errors('result_not_json')),
  javascript('returns a BigInt', 'return 1n;', gives(1)),
  javascript('returns a function', 'return () => 1;', errors('result_not_json')),
  javascript('returns a symbol', 'return [Symbol("x")];', errors('result_not_json')),
  javascript('returns half a character', 'return "\\ud800";', gives('\ud800')),
  javascript('throws nothing', 'throw undefined;', errors('Error')),
  javascript(
    'throws an object that throws',
    'throw new Proxy({}, { get() { throw new Error("more"); } });',
    errors('Error'),
  ),

  // The machine
  python('runs a command', 'import os\nreturn os.system("id")', gives(-1)),
  python(
    'starts a process',
    'import subprocess\nreturn subprocess.run(["id"]).returncode',
    errors('OSError', 'ModuleNotFoundError', 'AttributeError'),
  ),
  python('forks for ever', 'import os\nwhile True: os.fork()', errors('AttributeError', 'OSError')),
  python(
    'starts threads for ever',
    'import threading\nwhile True: threading.Thread(target=lambda: None).start()',
    errors('RuntimeError'),
  ),
  python(
    'starts processes by multiprocessing',
    'import multiprocessing\nmultiprocessing.Process(target=print).start()',
    errors('ModuleNotFoundError', 'ImportError', 'OSError', 'AttributeError'),
  ),
  python('reads the environment', 'import os\nreturn dict(os.environ)', gives({})),
  python(
    'reads the environment of the host',
    'return open("/proc/self/environ").read()',
    errors('FileNotFoundError'),
  ),
  python('reads the password file', 'return open("/etc/passwd").read()', errors('FileNotFoundError')),
  python(
    'lists the root of the host',
    'import os\nreturn [n for n in os.listdir("/") if n in ("etc", "usr", "work", "root")]',
    gives([]),
  ),
  python(
    'opens a socket',
    'import socket\nsocket.create_connection(("127.0.0.1", 80), timeout=1)',
    errors('OSError', 'gaierror', 'BlockingIOError', 'ConnectionError'),
  ),
  python(
    'sends a datagram',
    'import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))',
    errors('OSError'),
  ),
  python(
    'fetches a page',
    'import urllib.request\nurllib.request.urlopen("http://127.0.0.1/")',
    errors('URLError', 'OSError', 'ImportError', 'ModuleNotFoundError'),
  ),
  python(
    'resolves a name',
    'import socket\nreturn socket.getaddrinfo("localhost", 80)',
    errors('gaierror', 'OSError'),
  ),
  python(
    'sets an alarm',
    'import signal\nsignal.alarm(1)\nreturn 1',
    errors('AttributeError', 'OSError', 'ItimerError'),
  ),
  python(
    'ends the process',
    'import os\nos._exit(0)',
    errors('sandbox_lost', 'sandbox_violation', 'ExitStatus'),
  ),
  python('ends the interpreter', 'raise SystemExit(3)', errors('SystemExit')),
  python(
    'aborts the interpreter',
    'import os\nos.abort()',
    errors('sandbox_lost', 'sandbox_violation', 'RuntimeError'),
  ),
  python(
    'kills its process',
    'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)',
    errors('AttributeError', 'OSError', 'sandbox_lost', 'sandbox_violation', 'ProcessLookupError'),
  ),
  python('imports the host', 'import js\nreturn str(js)', errors('ModuleNotFoundError')),
  python('imports the bridge', 'import pyodide_js\nreturn 1', errors('ModuleNotFoundError')),
  python(
    'imports the bridge by its name',
    'return str(__import__("_pyodide_core"))',
    errors('ModuleNotFoundError'),
  ),
  python(
    'runs JavaScript',
    'from pyodide.code import run_js\nreturn run_js("process.env")',
    errors('ModuleNotFoundError'),
  ),
  python(
    'reloads what was removed',
    'import sys\nfor name in ("js", "_pyodide_core", "pyodide_js"): sys.modules.pop(name, None)\nimport js',
    errors('ModuleNotFoundError'),
  ),
  python(
    'initialises the bridge again',
    'import sys, _imp\nsys.modules.pop("_pyodide_core", None)\nimport _pyodide_core\nreturn _pyodide_core.create_proxy(attack)',
    errors('ModuleNotFoundError', 'sandbox_violation', 'SystemError', 'AttributeError'),
  ),
  python('loads a native library', 'import ctypes\nreturn ctypes.CDLL(None)', errors('ModuleNotFoundError')),
  python('digs for proxies of host objects', `${DIG('JsProxy')}\nreturn [str(x) for x in found]`, gives([])),
  python(
    'digs for the finder of host modules',
    `${DIG('JsFinder')}\nreturn [len(x.jsproxies) for x in found if x.jsproxies]`,
    gives([]),
  ),
  python(
    'digs for functions of the bridge',
    'import gc\nnames = ("run_js", "create_proxy", "to_js")\nfor x in gc.get_objects():\n    if getattr(x, "__name__", "") in names and callable(x): x({"a": 1})\nreturn 1',
    { errors: ['sandbox_violation', 'TypeError', 'JsException'] },
  ),
  python(
    'reads its address space',
    'import gc\nreturn [type(x).__name__ for x in gc.get_objects() if "Popen" in type(x).__name__]',
    gives([]),
  ),
  javascript(
    'reads the environment',
    'return typeof process + typeof globalThis.process;',
    gives('undefinedundefined'),
  ),
  javascript('requires a module', 'return require("fs").readdirSync("/");', errors('ReferenceError')),
  {
    name: 'imports a module',
    language: 'javascript',
    source: 'async function attack() { return import("node:fs"); }',
    ends: errors('ReferenceError', 'TypeError', 'SyntaxError', 'Error', 'never_resolved'),
  },
  javascript(
    'reaches the host by the constructor of functions',
    'return Function("return typeof process + typeof require")();',
    gives('undefinedundefined'),
  ),
  javascript(
    'reaches the host by the constructor of console',
    'return console.log.constructor.constructor("return typeof process")();',
    gives('undefined'),
  ),
  javascript(
    'reaches the host by an error',
    'try { null.x } catch (e) { return e.constructor.constructor("return typeof process")(); }',
    gives('undefined'),
  ),
  javascript(
    'reaches the host by async functions',
    'return (async () => {}).constructor("return typeof process")();',
    gives('undefined'),
  ),
  javascript(
    'reaches the host by generators',
    'return (function* () {}).constructor("return typeof process")().next().value;',
    gives('undefined'),
  ),
  javascript(
    'evaluates indirectly',
    'return (0, eval)("typeof process + typeof std + typeof os");',
    gives('undefinedundefinedundefined'),
  ),
  javascript('fetches a page', 'return fetch("http://127.0.0.1/");', errors('ReferenceError')),
  javascript('opens a socket', 'return new WebSocket("ws://127.0.0.1/");', errors('ReferenceError')),
  javascript('starts a worker', 'return new Worker("x");', errors('ReferenceError')),
  javascript('compiles WebAssembly', 'return typeof WebAssembly;', gives('undefined')),
  javascript(
    'prepares a stack trace',
    'Error.prepareStackTrace = (_, frames) => frames.map((f) => f.getThis && f.getThis()); return typeof new Error("x").stack;',
    { result: 'string' },
  ),

  // The harness
  javascript(
    'poisons the prototypes',
    'Object.prototype.toJSON = () => "poisoned"; Array.prototype.push = () => { throw 1; }; Promise.prototype.then = () => 1; JSON.stringify = () => "x"; String.prototype.slice = () => ""; return 5;',
    gives(5),
  ),
  javascript(
    'poisons an inherited property',
    'Object.prototype.polluted = 1; return ({}).polluted;',
    gives(1),
  ),
  javascript('sends a proto key', 'return JSON.parse(\'{"__proto__": {"polluted": 1}}\');', {
    result: JSON.parse('{"__proto__": {"polluted": 1}}') as JsonValue,
  }),
  javascript(
    'replaces the console',
    'console.log = () => { throw new Error("x"); }; globalThis.console = null; return 1;',
    gives(1),
  ),
  javascript(
    'fakes an outcome',
    'throw { name: "x", message: "y", stack: "tool.js:999", ok: true, result: 1 };',
    errors('x'),
  ),
  python(
    'replaces the harness',
    'import __main__\n__main__._af_run = lambda text: "nonsense"\n__main__._json = None\nreturn 1',
    errors('memory_limit', 'sandbox_lost', 'NameError', 'AttributeError'),
  ),
  python('answers nonsense', 'import json\njson.dumps = lambda *a, **k: "nonsense"\nreturn 1', {
    errors: ['sandbox_lost'],
  }),
  python('closes its standard output', 'import sys, os\nsys.stdout.close()\nos.close(1)\nreturn 1', gives(1)),
  python(
    'raises an exception that cannot be shown',
    'class Bad(Exception):\n    def __str__(self): raise ValueError()\nraise Bad()',
    errors('Bad'),
  ),
  python(
    'raises an exception whose class lies',
    'class Meta(type):\n    def __getattribute__(self, name): raise KeyError(name)\nclass Bad(Exception, metaclass=Meta): pass\nraise Bad()',
    errors('Bad', 'KeyError', 'sandbox_lost', 'memory_limit', 'Exception'),
  ),
  python(
    'traces and profiles',
    'import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\nreturn 1',
    gives(1),
  ),
  python(
    'breaks the built-ins',
    'import builtins\nbuiltins.len = None\nbuiltins.isinstance = None\nbuiltins.str = None\nreturn 1',
    errors('TypeError', 'sandbox_lost', 'memory_limit'),
  ),
  python(
    'calls itself through the harness',
    'import __main__\nreturn __main__._af_run("{}")',
    errors('KeyError'),
  ),
  {
    name: 'compiles a nest of brackets',
    language: 'python',
    source: `def attack():\n    return ${'['.repeat(5000)}${']'.repeat(5000)}\n`,
    ends: errors('SyntaxError'),
  },
  {
    name: 'compiles a nest of brackets',
    language: 'javascript',
    source: `function attack() { return ${'['.repeat(50000)}${']'.repeat(50000)}; }`,
    ends: errors('SyntaxError'),
  },
  {
    name: 'takes the top level hostage',
    language: 'javascript',
    source: 'for (;;) {}\nfunction attack() { return 1; }',
    ends: errors('timeout'),
    limits: short,
  },
  {
    name: 'takes the top level hostage',
    language: 'python',
    source: 'while True: pass\ndef attack(): return 1\n',
    ends: errors('timeout'),
    limits: short,
  },
  {
    name: 'holds a null byte',
    language: 'python',
    source: 'def attack():\n    return "\0"\n',
    ends: errors('SyntaxError'),
  },
];

export const HONEST: Record<SandboxLanguage, string> = {
  python: 'def add(a, b):\n    return a + b\n',
  javascript: 'function add(a, b) { return a + b; }',
};
