import { dataOf, expectGraphQLError, expectProblem, itRefuses, stubEnvironment } from '../testkit/contract';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';
import { startStubProvider, type StubProvider } from '../testkit/stub-provider';

const UNKNOWN = '00000000-0000-7000-8000-000000000000';
const DRY_RUN =
  'mutation ($input: DryRunToolInput!) { dryRunTool(input: $input) { ok result logs error { type message line } durationMs } }';
const GENERATE =
  'mutation ($input: GenerateToolInput!) { generateTool(input: $input) { name language functionCode argsSchema model } }';
const PYTHON =
  'def area(width: float, height: float) -> float:\n    """Area."""\n    return width * height\n';

let stub: StubProvider;
let server: TestServer;
let offline: TestServer;
let member: Client;
let main: string;

beforeAll(async () => {
  stub = await startStubProvider();
  [server, offline] = await Promise.all([startTestServer(stubEnvironment(stub.url)), startTestServer()]);
  member = await server.as({ user: 'ada' });
  main = await member.agentId();
});
afterAll(async () => {
  await Promise.all([server?.close(), offline?.close()]);
  await stub.close();
});

const at = (rest: string, agent = main): string => `/api/v1/agent/${agent}/tools${rest}`;
const dryRun = (body: Json) => member.rest('POST', at('/dry-run'), body);
const written = (code: string, name = 'area') =>
  JSON.stringify({ name, description: 'Computes an area.', function_code: code });

describe('a dry run', () => {
  it('runs a source with its arguments and shows result, logs and time', async () => {
    const { status, body } = await dryRun({
      function_code: 'def f(n: int):\n    print("got", n)\n    return {"half": n / 2}\n',
      arguments: { n: 5 },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ ok: true, result: { half: 2.5 }, logs: 'got 5\n', error: null });
    expect(body.duration_ms).toBeGreaterThan(0);
    expect(body.memory_bytes).toBeGreaterThan(0);
  });

  it('shows what the code threw, with its line', async () => {
    const { status, body } = await dryRun({
      function_code: 'def f():\n    x = 1\n    raise ValueError("no luck")\n',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ok: false,
      result: null,
      error: { type: 'ValueError', message: expect.stringContaining('no luck'), line: 3 },
    });
  });

  it('says the same over GraphQL', async () => {
    const { dryRunTool } = await dataOf(
      member.graphql(DRY_RUN, {
        input: { agentId: main, functionCode: 'async function f(a) { return [a, a]; }', arguments: { a: 1 } },
      }),
    );
    expect(dryRunTool).toMatchObject({ ok: true, result: [1, 1], error: null });
  });

  it('runs a tool of the agent by its name, within its own time', async () => {
    await member.rest('POST', at(''), {
      name: 'endless',
      description: 'Never ends.',
      function_code: 'function endless() { for (;;); }',
      execution_timeout: 0.2,
    });
    const { body } = await dryRun({ tool: 'endless' });
    expect(body).toMatchObject({ ok: false, error: { type: 'timeout' } });
    expect(body.duration_ms).toBeLessThan(5_000);
  });

  itRefuses(
    () => server,
    [
      {
        name: 'neither source nor tool',
        rest: () => ['POST', at('/dry-run'), {}],
        graphql: () => [DRY_RUN, { input: { agentId: main } }],
        status: 422,
        code: 'validation_failed',
        field: 'function_code',
      },
      {
        name: 'arguments that are no object',
        rest: () => ['POST', at('/dry-run'), { function_code: 'function f() {}', arguments: [1] }],
        graphql: () => [
          DRY_RUN,
          { input: { agentId: main, functionCode: 'function f() {}', arguments: [1] } },
        ],
        status: 422,
        code: 'validation_failed',
        field: 'arguments',
      },
      {
        name: 'a source that does not compile',
        rest: () => ['POST', at('/dry-run'), { function_code: 'function f( {' }],
        graphql: () => [DRY_RUN, { input: { agentId: main, functionCode: 'function f( {' } }],
        status: 422,
        code: 'validation_failed',
        field: 'function_code',
      },
      {
        name: 'a tool that is no code',
        rest: () => ['POST', at('/dry-run'), { tool: 'current_time' }],
        status: 422,
        code: 'validation_failed',
        field: 'tool',
      },
      {
        name: 'a tool that the agent does not have',
        rest: () => ['POST', at('/dry-run'), { tool: 'nothing' }],
        graphql: () => [DRY_RUN, { input: { agentId: main, tool: 'nothing' } }],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'an unknown language',
        rest: () => ['POST', at('/dry-run'), { function_code: 'x', language: 'perl' }],
        status: 422,
        code: 'validation_failed',
        field: 'language',
      },
      {
        name: 'an unknown agent',
        rest: () => ['POST', at('/dry-run', UNKNOWN), { function_code: 'function f() {}' }],
        graphql: () => [DRY_RUN, { input: { agentId: UNKNOWN, functionCode: 'function f() {}' } }],
        status: 404,
        code: 'not_found',
      },
    ],
  );

  it('refuses arguments that do not fit the schema of the tool, and says what came', async () => {
    await member.rest('POST', at(''), { name: 'area', description: 'd', function_code: PYTHON });
    const body = expectProblem(
      await dryRun({ tool: 'area', arguments: { width: 'wide', depth: 1 } }),
      422,
      'validation_failed',
      'arguments.width',
    );
    const messages = body.errors.map((error: Json) => error.message);
    expect(messages).toEqual(
      expect.arrayContaining([
        'height is required',
        'depth is no argument of this tool',
        'width must be number, is the text "wide"',
      ]),
    );
  });
});

describe('generating a tool', () => {
  it('answers a source that compiles with the schema read from it, and keeps nothing', async () => {
    stub.next({ text: written(PYTHON) });
    const { status, body } = await member.rest('POST', at('/generate'), {
      description: 'The area of a rectangle.',
      parameters: { width: 'in metres' },
    });
    expect({ status, body }).toMatchObject({ status: 200 });
    expect(body).toEqual({
      name: 'area',
      description: 'Computes an area.',
      function_code: PYTHON,
      args_schema: expect.objectContaining({ type: 'object', required: ['width', 'height'] }),
      language: 'python',
      model: 'openai/stub',
    });
    const asked = JSON.stringify(stub.requests.at(-1)!.body.messages);
    expect(asked).toContain('The area of a rectangle.');
    expect(asked).toContain('in metres');
    const { tools } = await dataOf(member.graphql('{ tools { createdBy name } }'));
    expect(tools.filter((tool: Json) => tool.name === 'area')).toHaveLength(1);
  });

  it('lets the model repair a source once, telling it what was wrong', async () => {
    stub.next({ text: written('function a( {') });
    stub.next({ text: `Here it is:\n${written('function area(w, h) { return w * h; }')}` });
    const { generateTool } = await dataOf(
      member.graphql(GENERATE, { input: { agentId: main, description: 'Area.', language: 'JAVASCRIPT' } }),
    );
    expect(generateTool).toMatchObject({ name: 'area', language: 'JAVASCRIPT', model: 'openai/stub' });
    expect(JSON.stringify(stub.requests.at(-1)!.body.messages.at(-1))).toMatch(/cannot be used/);
  });

  it('refuses what cannot be used twice', async () => {
    stub.next({ text: 'I would rather not.' });
    stub.next({ text: written('def f(): pass', 'no name') });
    const answer = await member.rest('POST', at('/generate'), { description: 'x' });
    expect(expectProblem(answer, 422, 'output_invalid').detail).toMatch(/no name/);
  });

  it('passes on that the provider failed', async () => {
    stub.next({ status: 500 });
    expectProblem(await member.rest('POST', at('/generate'), { description: 'x' }), 502, 'provider_error');
  });

  it('says which variables are missing where there is no generative model', async () => {
    const agentId = await offline.dev.agentId();
    const answer = await offline.dev.rest('POST', at('/generate', agentId), { description: 'x' });
    expect(expectProblem(answer, 409, 'connector_not_configured').detail).toMatch(/OPENAI_API_KEY/);
    expectGraphQLError(
      await offline.dev.graphql(GENERATE, { input: { agentId, description: 'x' } }),
      'connector_not_configured',
    );
  });

  itRefuses(
    () => server,
    [
      {
        name: 'no description',
        rest: () => ['POST', at('/generate'), {}],
        status: 422,
        code: 'validation_failed',
        field: 'description',
      },
      {
        name: 'an empty description',
        rest: () => ['POST', at('/generate'), { description: ' ' }],
        graphql: () => [GENERATE, { input: { agentId: main, description: ' ' } }],
        status: 422,
        code: 'validation_failed',
        field: 'description',
      },
      {
        name: 'a description without end',
        rest: () => ['POST', at('/generate'), { description: 'x'.repeat(10_001) }],
        graphql: () => [GENERATE, { input: { agentId: main, description: 'x'.repeat(10_001) } }],
        status: 422,
        code: 'validation_failed',
        field: 'description',
      },
      {
        name: 'an unknown language',
        rest: () => ['POST', at('/generate'), { description: 'x', language: 'perl' }],
        status: 422,
        code: 'validation_failed',
        field: 'language',
      },
      {
        name: 'parameters that are no object',
        rest: () => ['POST', at('/generate'), { description: 'x', parameters: 'a' }],
        status: 422,
        code: 'validation_failed',
        field: 'parameters',
      },
      {
        name: 'an unknown agent',
        rest: () => ['POST', at('/generate', UNKNOWN), { description: 'x' }],
        graphql: () => [GENERATE, { input: { agentId: UNKNOWN, description: 'x' } }],
        status: 404,
        code: 'not_found',
      },
    ],
  );
});
