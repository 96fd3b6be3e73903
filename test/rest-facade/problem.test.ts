import { buildSchema, execute, GraphQLError, parse } from 'graphql';
import { toRefusal } from '../../rest-facade';
import { DomainError } from '../../src/errors';
import { recordingLogger, type LogEntry } from './toy/server';

const logs: LogEntry[] = [];
const refusal = (error: unknown) => toRefusal(error, 'r1', recordingLogger(logs)).problem;
beforeEach(() => logs.splice(0));

const schema = buildSchema(/* GraphQL */ `
  input Inner {
    maxTokens: Int!
  }
  input In {
    llmConfig: Inner
    names: [String!]
  }
  type Query {
    f(input: In!, id: ID): Int
  }
`);

async function variableError(variableValues: Record<string, unknown>): Promise<GraphQLError> {
  const document = parse('query Q($input: In!, $id: ID) { f(input: $input, id: $id) }');
  return (await execute({ schema, document, variableValues })).errors![0]!;
}

describe('complaints of the GraphQL engine about variables', () => {
  it.each([
    [{ input: { llmConfig: { maxTokens: 'x' } } }, 'llm_config.max_tokens'],
    [{ input: { llmConfig: {} } }, 'llm_config.max_tokens'],
    [{ input: { names: ['a', null] } }, 'names.1'],
    [{ input: {}, id: { a: 1 } }, 'id'],
    [{}, 'input'],
  ])('name the value: %j', async (variables, path) => {
    const problem = refusal(await variableError(variables));
    expect(problem).toMatchObject({ status: 422, code: 'validation_failed', errors: [{ path }] });
    expect(logs).toEqual([]);
  });

  it('stay 422 when the endpoint has marked them as bad requests', async () => {
    const error = await variableError({ input: { names: 5.5 } });
    Object.assign(error.extensions, { code: 'bad_request', status: 400 });
    expect(refusal(error).status).toBe(422);
  });
});

describe('other errors', () => {
  it('show the domain error inside, however often it is wrapped', () => {
    const domain = new DomainError('budget_exceeded', 'Spent.', { extra: { scope: 'tenant' } });
    const wrapped = new GraphQLError('a', {
      originalError: new GraphQLError('b', { originalError: domain }),
    });
    expect(refusal(wrapped)).toMatchObject({
      status: 429,
      code: 'budget_exceeded',
      detail: 'Spent.',
      scope: 'tenant',
    });
  });

  it('hide the message of a masked error and leave its logging to who masked it', () => {
    expect(refusal(new GraphQLError('x', { extensions: { code: 'internal_error' } })).detail).toBe(
      'Unexpected error',
    );
    expect(logs).toEqual([]);
  });

  it('never let further facts replace the standard fields', () => {
    const error = new DomainError('conflict', 'No.', { extra: { status: 200, code: 'fine', current: 1 } });
    expect(refusal(error)).toMatchObject({ status: 409, code: 'conflict', current: 1 });
  });
});
