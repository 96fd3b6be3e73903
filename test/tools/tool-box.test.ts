import type { AgentRecord, JsonObject } from '../../src/ports/records';
import type { TenantStore } from '../../src/ports/stores';
import type { ToolCallContext, ToolExecutor, ToolOutcome, ToolRecord } from '../../src/ports/tools';
import { TOOL_DEFAULTS } from '../../src/tools/definition';
import { CachedToolBox } from '../../src/tools/tool-box';

const AT = new Date('2026-01-01T00:00:00.000Z');
const AGENT = { id: 'agent-1', name: 'A' } as AgentRecord;
const FAILED: ToolOutcome = {
  ok: false,
  error: { type: 'http_error', message: 'status 503', retryable: true },
};

const REFUSED: ToolOutcome = {
  ok: false,
  error: { type: 'http_error', message: 'status 404', retryable: false },
};

const tool = (changes: Partial<ToolRecord> = {}): ToolRecord => ({
  ...TOOL_DEFAULTS,
  id: 'tool-1',
  name: 'send',
  nameKey: 'send',
  kind: 'http',
  description: 'Sends.',
  createdBy: 'ada',
  createdAt: AT,
  updatedAt: AT,
  retryDelay: 0,
  ...changes,
});

const context = (signal = new AbortController().signal): ToolCallContext => ({
  tenant: 't',
  userId: 'ada',
  agent: AGENT,
  conversationId: 'c',
  runId: 'r',
  callId: 'call',
  idempotencyKey: 'key-1',
  signal,
});

interface Bench {
  box: CachedToolBox;
  calls: ToolCallContext[];
  reads: () => number;
  pass(ms: number): void;
}

function bench(execute: ToolExecutor['execute'], preview?: ToolExecutor['preview']): Bench {
  const calls: ToolCallContext[] = [];
  let now = AT.getTime();
  let reads = 0;
  const store = { tools: { ofAgent: () => Promise.resolve([tool({ version: ++reads })]) } };
  const box = new CachedToolBox({
    open: () => Promise.resolve(store as unknown as TenantStore),
    clock: { now: () => new Date(now) },
    executors: {
      http: {
        execute: (record, args, given) => {
          calls.push(given);
          return execute(record, args, given);
        },
        preview,
      },
    },
  });
  return { box, calls, reads: () => reads, pass: (ms) => void (now += ms) };
}

const succeed = (): Promise<ToolOutcome> => Promise.resolve({ ok: true, result: 1 });
const untilAborted: ToolExecutor['execute'] = (_tool, _args, { signal }) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

describe('executing', () => {
  it('repeats an idempotent tool after failures that may pass, with the same key', async () => {
    let attempt = 0;
    const { box, calls } = bench(() => (++attempt < 3 ? Promise.resolve(FAILED) : succeed()));
    expect(await box.execute(tool({ idempotent: true }), {}, context())).toEqual({ ok: true, result: 1 });
    expect(calls.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['key-1', 'key-1', 'key-1']);
  });

  it('gives up after maxRetries repetitions', async () => {
    const { box, calls } = bench(() => Promise.resolve(FAILED));
    expect(await box.execute(tool({ idempotent: true, maxRetries: 2 }), {}, context())).toEqual(FAILED);
    expect(calls).toHaveLength(3);
  });

  it('waits longer before each repetition', async () => {
    const { box } = bench(() => Promise.resolve(FAILED));
    const began = performance.now();
    await box.execute(
      tool({ idempotent: true, maxRetries: 3, retryDelay: 0.02, backoffFactor: 3 }),
      {},
      context(),
    );
    expect(performance.now() - began).toBeGreaterThanOrEqual(20 + 60 + 180 - 5);
  });

  it.each([
    ['a tool that is not idempotent', tool(), FAILED],
    ['a failure that will not pass', tool({ idempotent: true }), REFUSED],
  ])('never repeats %s', async (_what, record, outcome) => {
    const { box, calls } = bench(() => Promise.resolve(outcome));
    expect(await box.execute(record, {}, context())).toEqual(outcome);
    expect(calls).toHaveLength(1);
  });

  it('ends a call that takes longer than its tool allows', async () => {
    const { box } = bench(untilAborted);
    expect(await box.execute(tool({ executionTimeout: 0.05 }), {}, context())).toMatchObject({
      ok: false,
      error: { type: 'timeout', message: 'the call took longer than 0.05 s' },
    });
  });

  it('stops at once when the run is cancelled, in a call and between two', async () => {
    for (const [execute, retryDelay] of [
      [untilAborted, 0],
      [() => Promise.resolve(FAILED), 60],
    ] as const) {
      const { box, calls } = bench(execute);
      const controller = new AbortController();
      const running = box.execute(tool({ idempotent: true, retryDelay }), {}, context(controller.signal));
      setImmediate(() => controller.abort(new Error('cancelled')));
      await expect(running).rejects.toThrow('cancelled');
      expect(calls).toHaveLength(1);
    }
  });

  it('says that a kind of tool is not run here', async () => {
    const { box } = bench(succeed);
    expect(await box.execute(tool({ kind: 'mcp' }), {}, context())).toMatchObject({
      ok: false,
      error: { type: 'not_configured' },
    });
  });
});

describe('complaints about arguments', () => {
  const { box } = bench(succeed);
  const parameters: JsonObject = {
    type: 'object',
    properties: {
      to: { type: 'array', items: { type: 'string', format: 'email' }, minItems: 1 },
      level: { type: 'string', enum: ['low', 'high'] },
      amount: { type: 'integer', maximum: 5 },
      place: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
    required: ['to'],
    additionalProperties: false,
  };

  it.each<[JsonObject, string[]]>([
    [{ to: ['ada@example.com'] }, []],
    [{}, ['to is required']],
    [{ to: [] }, ['to must NOT have fewer than 1 items, is []']],
    [{ to: ['ada'] }, ['to.0 must match format "email", is the text "ada"']],
    [{ to: ['a@example.com'], level: 'mid' }, ['level must be one of "low", "high", is the text "mid"']],
    [{ to: ['a@example.com'], amount: '3' }, ['amount must be integer, is the text "3"']],
    [{ to: ['a@example.com'], amount: 9 }, ['amount must be <= 5, is 9']],
    [{ to: ['a@example.com'], place: {} }, ['place.city is required']],
    [{ to: ['a@example.com'], cc: [] }, ['cc is no argument of this tool']],
  ])('%j', (args, complaints) => {
    expect(box.problems(tool({ parameters }), args)).toEqual(complaints);
  });

  it('are about an object', () => {
    expect(box.problems(tool({ parameters, version: 2 }), [1])).toEqual(['arguments must be object, is [1]']);
  });

  it('are few and short, whatever came', () => {
    const wide = { ...parameters, additionalProperties: { type: 'string' } };
    const args = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`x${i}`, { long: 'y'.repeat(500) }]),
    );
    const complaints = box.problems(tool({ parameters: wide, version: 3 }), args);
    expect(complaints).toHaveLength(10);
    for (const complaint of complaints) expect(complaint.length).toBeLessThan(150);
  });

  it('come in time whatever pattern the schema has, and others are checked after that', async () => {
    const matching = (pattern: string, version: number) =>
      tool({ version, parameters: { type: 'object', additionalProperties: { type: 'string', pattern } } });
    const evil = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`x${i}`, `${'a'.repeat(40)}!`]));
    const begun = performance.now();
    expect(box.problems(matching('^(a+)+$', 4), evil)[0]).toMatch(/^x0 must match pattern/);
    expect(performance.now() - begun).toBeLessThan(2_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(box.problems(matching('^(a+)+$', 5), { a: 'aaaa' })).toEqual([]);
    expect(box.problems(matching('^(a+)+$', 5), { a: 'aab' })).toHaveLength(1);
    expect(box.problems(matching('^\\p{Lu}', 6), { a: 'Ärger', b: 'ärger' })).toHaveLength(1);
  });

  it('follow a new version of the tool, also when the schemas of two tools share an id', () => {
    const schema = (type: string) => ({ $id: 'args', type: 'object', properties: { a: { type } } });
    const first = tool({ id: 'x', parameters: schema('string') });
    expect(box.problems(first, { a: 1 })).toHaveLength(1);
    expect(box.problems({ ...first, version: 2, parameters: schema('number') }, { a: 1 })).toEqual([]);
    expect(box.problems(tool({ id: 'y', parameters: schema('boolean') }), { a: 1 })).toHaveLength(1);
  });
});

describe('the tools offered to an agent', () => {
  it('are read once, and again when they changed here or after a moment', async () => {
    const { box, reads, pass } = bench(succeed);
    await box.offered('t', AGENT);
    await box.offered('t', AGENT);
    expect(reads()).toBe(1);
    box.forget('other');
    await box.offered('t', AGENT);
    expect(reads()).toBe(1);
    box.forget('t');
    expect((await box.offered('t', AGENT))[0]!.version).toBe(2);
    pass(2_001);
    expect((await box.offered('t', AGENT))[0]!.version).toBe(3);
  });
});

describe('a preview', () => {
  const previewed = tool({ supportsPreview: true });

  it('says what the call would do, and does nothing', async () => {
    const { box, calls } = bench(succeed, () => Promise.resolve({ ok: true, result: { sends: 1 } }));
    expect(await box.preview(previewed, {}, context())).toEqual({ sends: 1 });
    expect(calls).toEqual([]);
  });

  it('is null for tools that cannot say', async () => {
    const { box } = bench(succeed);
    expect(await box.preview(previewed, {}, context())).toBeNull();
    expect(await box.preview(tool(), {}, context())).toBeNull();
  });

  it('says why there is none', async () => {
    const { box } = bench(succeed, () => Promise.reject(new Error('broken')));
    expect(await box.preview(previewed, {}, context())).toEqual({ error: 'no preview: broken' });
  });
});
