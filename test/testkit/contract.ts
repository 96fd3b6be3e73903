import type { Answer, Client, GraphQLAnswer, Json, TestServer } from './server';

/** Fails unless the answer is a problem (RFC 9457) with this status and code; answers its body. */
export function expectProblem(answer: Answer, status: number, code: string, field?: string | RegExp): Json {
  expect({ status: answer.status, body: answer.body }).toMatchObject({ status, body: { code } });
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({
    type: expect.any(String),
    title: expect.any(String),
    status,
    status_code: status,
    detail: expect.any(String),
    request_id: answer.headers.get('x-request-id'),
  });
  if (field !== undefined) expectField(answer.body.errors, field);
  return answer.body;
}

/** The same for the first error of a GraphQL answer. */
export function expectGraphQLError(answer: GraphQLAnswer, code: string, field?: string | RegExp): Json {
  const [error] = answer.errors ?? [];
  expect({ data: answer.data, code: error?.extensions.code, message: error?.message }).toMatchObject({
    code,
  });
  expect(error!.extensions.requestId).toEqual(expect.any(String));
  if (field !== undefined) expectField(error!.extensions.errors, field);
  return error!.extensions;
}

function expectField(errors: Json, field: string | RegExp): void {
  const paths = ((errors ?? []) as { path: string }[]).map(({ path }) => path);
  if (typeof field === 'string') expect(paths).toContain(field);
  else expect(paths).toEqual(expect.arrayContaining([expect.stringMatching(field)]));
}

/** One refused request, as it is said over REST and over GraphQL. */
export interface Refusal {
  name: string;
  rest?: () => [method: string, route: string, body?: unknown, headers?: Record<string, string>];
  graphql?: () => [query: string, variables?: Record<string, unknown>];
  status: number;
  code: string;
  /** Path of the field that the error names. */
  field?: string | RegExp;
  client?: () => Client | Promise<Client>;
}

/** Declares a test for each refusal and each way of saying it. */
export function itRefuses(server: () => TestServer, refusals: Refusal[]): void {
  const clientOf = async ({ client }: Refusal): Promise<Client> => (client ? client() : server().dev);
  for (const refusal of refusals) {
    const { rest, graphql, name, status, code, field } = refusal;
    if (rest)
      it(`refuses ${name} with ${status} ${code} over REST`, async () => {
        expectProblem(await (await clientOf(refusal)).rest(...rest()), status, code, field);
      });
    if (graphql)
      it(`refuses ${name} with ${code} over GraphQL`, async () => {
        expectGraphQLError(await (await clientOf(refusal)).graphql(...graphql()), code, field);
      });
  }
}

/** The data of a GraphQL answer that has no errors. */
export async function dataOf(answer: Promise<GraphQLAnswer>): Promise<Json> {
  const { data, errors } = await answer;
  expect(errors).toBeUndefined();
  return data;
}

/** A server whose model `openai/stub` is the stub provider behind `url`. */
export const stubEnvironment = (url: string): Record<string, string> => ({
  OPENAI_BASE_URL: url,
  OPENAI_API_KEY: 'test-key',
  OPENAI_MODEL: 'stub',
});
