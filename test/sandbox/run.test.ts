import type { ProcessSandbox } from '../../src/adapters/sandbox';
import type { JsonObject } from '../../src/ports/records';
import { eventually } from '../testkit/server';
import { testSandbox } from './testkit';

let sandbox: ProcessSandbox;
beforeAll(() => {
  sandbox = testSandbox();
});
afterAll(() => sandbox.close());

const python = (source: string, args: JsonObject = {}) =>
  sandbox.run({ language: 'python', source, arguments: args });
const javascript = (source: string, args: JsonObject = {}) =>
  sandbox.run({ language: 'javascript', source, arguments: args });

describe('a call of Python', () => {
  it('gets arguments by name and gives result, log, time and memory', async () => {
    const outcome = await python(
      'def f(b, a=1, *, c):\n    print("hi", a)\n    return {"sum": a + b + c}\n',
      { b: 2, c: 4 },
    );
    expect(outcome).toMatchObject({ ok: true, result: { sum: 7 }, logs: 'hi 1\n', error: null });
    expect(outcome.durationMs).toBeGreaterThan(0);
    expect(outcome.memoryBytes).toBeGreaterThan(1_000_000);
  });

  it('keeps both output streams in order', async () => {
    const outcome = await python(
      'import sys\ndef f():\n    print(1)\n    print(2, file=sys.stderr)\n    print(3)\n',
    );
    expect(outcome.logs).toBe('1\n2\n3\n');
  });

  it('awaits async functions with timers and tasks', async () => {
    const outcome = await python(`import asyncio
async def f():
    async def slow(n):
        await asyncio.sleep(0.01)
        return n
    return await asyncio.gather(slow(1), slow(2), asyncio.to_thread(lambda: 3))
`);
    expect(outcome).toMatchObject({ ok: true, result: [1, 2, 3] });
  });

  it('writes what JSON has no word for as documented', async () => {
    const outcome = await python(`import datetime, decimal, uuid, dataclasses
@dataclasses.dataclass
class Point:
    x: int
def f():
    return [(1, 2), {3}, datetime.datetime(2026, 1, 2, 3, 4, 5), datetime.date(2026, 1, 2), decimal.Decimal("1.10"),
            b"ab", Point(1), range(2), {1: "a"}, (n for n in [5]), uuid.UUID(int=0)]
`);
    expect(outcome.result).toEqual([
      [1, 2],
      [3],
      '2026-01-02T03:04:05',
      '2026-01-02',
      '1.10',
      'YWI=',
      { x: 1 },
      [0, 1],
      { '1': 'a' },
      [5],
      '00000000-0000-0000-0000-000000000000',
    ]);
  });

  it('names the exception and its line', async () => {
    const outcome = await python('def f(a):\n    b = a\n    return {}["x"]\n', { a: 1 });
    expect(outcome.error).toEqual({ type: 'KeyError', message: "'x'", line: 3 });
  });

  it('keeps the log of a call that failed', async () => {
    const outcome = await python('def f():\n    print("before")\n    raise ValueError("no")\n');
    expect(outcome).toMatchObject({ logs: 'before\n', error: { type: 'ValueError', message: 'no' } });
  });

  it('says which argument is missing', async () => {
    expect((await python('def f(a):\n    return a\n')).error).toMatchObject({
      type: 'TypeError',
      message: expect.stringContaining("'a'") as string,
    });
  });

  it('draws other random numbers in every call', async () => {
    const source = 'import random, uuid\ndef f():\n    return [random.random(), str(uuid.uuid4())]\n';
    const seen = [await python(source), await python(source), await python(source)].flatMap(
      ({ result }) => result as unknown[],
    );
    expect(new Set(seen).size).toBe(6);
  });
});

describe('a call of JavaScript', () => {
  it('gets arguments by name and gives result and log', async () => {
    const outcome = await javascript(
      'function f(b, a = 1, ...more) { console.log("hi", { a }); return [a, b, more]; }',
      {
        b: 2,
        more: [3, 4],
      },
    );
    expect(outcome).toMatchObject({ ok: true, result: [1, 2, [3, 4]], logs: 'hi {"a":1}\n' });
  });

  it('awaits promises and timers', async () => {
    const outcome = await javascript(
      'const f = async (n) => { await new Promise((done) => setTimeout(done, 5)); return n; };',
      { n: 3 },
    );
    expect(outcome).toMatchObject({ ok: true, result: 3 });
  });

  it('writes what JSON has no word for as documented', async () => {
    const outcome = await javascript(
      'function f() { return [new Set([1]), new Map([["a", 2]]), new Date(0), undefined ?? null]; }',
    );
    expect(outcome.result).toEqual([[1], { a: 2 }, '1970-01-01T00:00:00.000Z', null]);
  });

  it('gives null for a function that returns nothing', async () => {
    expect(await javascript('function f() {}')).toMatchObject({ ok: true, result: null });
  });

  it('names the error and its line', async () => {
    const outcome = await javascript('function f() {\n  const x = null;\n  return x.y;\n}');
    expect(outcome.error).toMatchObject({ type: 'TypeError', line: 3 });
  });
});

describe('between two calls of the same source', () => {
  it.each([
    ['globals', 'COUNT = []\ndef f():\n    COUNT.append(1)\n    return len(COUNT)\n', 1],
    [
      'modules',
      'import math\ndef f():\n    seen = hasattr(math, "mark")\n    math.mark = 1\n    return seen\n',
      false,
    ],
    [
      'built-ins',
      'import builtins\ndef f():\n    seen = hasattr(builtins, "mark")\n    builtins.mark = 1\n    return seen\n',
      false,
    ],
    [
      'classes',
      'import json\ndef f():\n    seen = hasattr(json.JSONEncoder, "mark")\n    json.JSONEncoder.mark = 1\n    return seen\n',
      false,
    ],
    [
      'the environment',
      'import os\ndef f():\n    seen = "MARK" in os.environ\n    os.environ["MARK"] = "1"\n    return seen\n',
      false,
    ],
    [
      'files',
      'import os\ndef f():\n    seen = os.path.exists("/tmp/mark")\n    open("/tmp/mark", "w").write("1")\n    return seen\n',
      false,
    ],
    [
      'the standard library',
      'import os\ndef f():\n    seen = os.path.exists("/lib/mark.py")\n    open("/lib/mark.py", "w").write("1")\n    return seen\n',
      false,
    ],
    [
      'open files',
      'import os\ndef f():\n    seen = os.open("/dev/null", os.O_RDONLY)\n    return seen < 50\n',
      true,
    ],
    [
      'the working folder',
      'import os\ndef f():\n    seen = os.getcwd()\n    os.chdir("/")\n    return seen\n',
      '/tmp',
    ],
    [
      'the harness',
      'import __main__\ndef f():\n    seen = hasattr(__main__, "mark")\n    __main__.mark = 1\n    return seen\n',
      false,
    ],
    [
      'objects in memory',
      'import gc\nclass Mark: pass\ndef f():\n    seen = sum(type(x).__name__ == "Mark" for x in gc.get_objects())\n    gc.mark = Mark()\n    gc.mark.me = gc.mark\n    return seen\n',
      0,
    ],
  ])('nothing is left of %s in Python', async (_what, source, fresh) => {
    for (let call = 0; call < 3; call++)
      expect(await python(source)).toMatchObject({ ok: true, result: fresh });
  });

  it.each([
    [
      'globals',
      'let count = 0; function f() { globalThis.n = (globalThis.n ?? 0) + 1; return globalThis.n + count++; }',
      1,
    ],
    [
      'prototypes',
      'function f() { const seen = "mark" in {}; Object.prototype.mark = 1; return seen; }',
      false,
    ],
  ])('nothing is left of %s in JavaScript', async (_what, source, fresh) => {
    for (let call = 0; call < 3; call++)
      expect(await javascript(source)).toMatchObject({ ok: true, result: fresh });
  });
});

it('answers as a syntax error what does not compile', async () => {
  expect((await python('def f(:\n    pass\n')).error).toMatchObject({ type: 'SyntaxError', line: 1 });
  expect((await javascript('function f( {')).error).toMatchObject({ type: 'SyntaxError', line: 1 });
});

it('does not begin calls that are cancelled while their processes start', async () => {
  const fresh = testSandbox();
  const source = 'function f() { for (;;); }';
  try {
    await fresh.inspect(source, 'javascript');
    const before = fresh.pids().length;
    const stop = new AbortController();
    const call = () =>
      fresh.run({
        language: 'javascript',
        source,
        arguments: {},
        signal: stop.signal,
        limits: { timeoutMs: 10_000 },
      });
    const calls = [call(), call(), call(), call()];
    await eventually(async () => fresh.pids().length > before, 'a process starts');
    stop.abort(new Error('cancelled'));
    const outcomes = await Promise.allSettled(calls);
    expect(
      outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.message : outcome)),
    ).toEqual(calls.map(() => 'cancelled'));
  } finally {
    await fresh.close();
  }
});
