import type { TenantStore } from '../../src/ports/stores';
import { put, storeOf } from '../approvals/rows';
import { dataOf, expectGraphQLError, expectProblem, itRefuses, type Refusal } from '../testkit/contract';
import { Client, type Json, startTestServer, type TestServer } from '../testkit/server';

const RESPOND = `mutation ($input: RespondToQuestionInput!) {
  respondToQuestion(input: $input) { id status answers answeredBy }
}`;
const PENDING = `query ($limit: Int, $cursor: String, $scope: HumanScope) {
  pendingQuestions(limit: $limit, cursor: $cursor, scope: $scope) {
    total nextCursor questions { id status questions { id kind options required } }
  }
}`;
const ANSWERS = { name: 'Sun', size: 'M', extras: ['c', 'a'], sure: false };

let server: TestServer;
let store: TenantStore;
let ada: Client;
let bob: Client;
let admin: Client;

beforeAll(async () => {
  server = await startTestServer();
  store = await storeOf(server);
  ada = await server.as({ user: 'ada' });
  bob = await server.as({ user: 'bob' });
  admin = await server.as({ user: 'root', scopes: 'agentflow:admin' });
});
afterAll(() => server.close());

const respond = (id: string, answers: unknown, client = ada) =>
  client.rest('POST', `/api/v1/questions/${id}/respond`, { answers });
const past = (): Date => new Date(Date.now() - 1_000);

describe('answering', () => {
  it('stores the answers and shows the question whole', async () => {
    const asked = await put(store);
    const { status, body } = await respond(asked.id, ANSWERS);
    expect(status).toBe(200);
    expect(body).toEqual({
      id: asked.id,
      status: 'answered',
      questions: [
        { id: 'name', text: 'What is it called?', kind: 'text', options: null, required: true },
        { id: 'size', text: 'How big?', kind: 'single_choice', options: ['S', 'M'], required: true },
        {
          id: 'extras',
          text: 'What else?',
          kind: 'multi_choice',
          options: ['a', 'b', 'c'],
          required: false,
        },
        { id: 'sure', text: 'Sure?', kind: 'confirm', options: null, required: true },
      ],
      answers: ANSWERS,
      agent_id: 'agent-1',
      run_id: 'run-1',
      call_id: 'call-1',
      conversation_id: 'conversation-1',
      requested_by: 'ada',
      answered_by: 'ada',
      created_at: asked.createdAt.toISOString(),
      expires_at: asked.expiresAt!.toISOString(),
      answered_at: expect.any(String),
    });
  });

  it('leaves optional items open, by leaving them out or by null', async () => {
    for (const extras of [undefined, null]) {
      const { id } = await put(store);
      const { body } = await respond(id, { ...ANSWERS, extras });
      expect(body.answers).toEqual({ name: 'Sun', size: 'M', sure: false });
    }
  });

  it('with the same answers again answers what is stored, with others is refused', async () => {
    const { id } = await put(store);
    const first = await respond(id, ANSWERS);
    const again = await respond(id, { ...ANSWERS });
    expect([again.status, again.body]).toEqual([200, first.body]);
    const refused = expectProblem(await respond(id, { ...ANSWERS, sure: true }), 409, 'conflict');
    expect(refused.question).toMatchObject({ id, status: 'answered', answers: ANSWERS, answered_by: 'ada' });
  });

  it('works over GraphQL', async () => {
    const { id } = await put(store);
    const { respondToQuestion } = await dataOf(ada.graphql(RESPOND, { input: { id, answers: ANSWERS } }));
    expect(respondToQuestion).toEqual({ id, status: 'ANSWERED', answers: ANSWERS, answeredBy: 'ada' });
    const other = { input: { id, answers: { ...ANSWERS, name: 'Moon' } } };
    expectGraphQLError(await ada.graphql(RESPOND, other), 'conflict');
  });

  it('too late, or after its run was cancelled, is refused', async () => {
    const late = await put(store, { expiresAt: past() });
    const refused = expectProblem(await respond(late.id, ANSWERS), 409, 'conflict');
    expect(refused.question).toMatchObject({ status: 'expired', answers: null });
    const cancelled = await put(store, { status: 'cancelled' });
    expectProblem(await respond(cancelled.id, ANSWERS), 409, 'conflict');
  });

  it('is for its user, and for admins of the tenant', async () => {
    const { id } = await put(store);
    expectProblem(await respond(id, ANSWERS, bob), 404, 'not_found');
    const stranger = await server.as({ tenant: 'other', user: 'root', scopes: 'agentflow:admin' });
    expectProblem(await respond(id, ANSWERS, stranger), 404, 'not_found');
    expect((await respond(id, ANSWERS, admin)).body).toMatchObject({
      status: 'answered',
      answered_by: 'root',
    });
  });

  it('lets exactly one of two different answers win, twenty times', async () => {
    for (let round = 0; round < 20; round++) {
      const { id } = await put(store);
      const answers = await Promise.all([
        respond(id, { ...ANSWERS, sure: true }),
        respond(id, { ...ANSWERS, sure: false }, admin),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
      const winner = answers.find(({ status }) => status === 200)!.body;
      expect((await store.questions.find(id))?.answers).toEqual(winner.answers);
    }
  });
});

describe('the pending list', () => {
  it('shows own questions that can still be answered, newest first', async () => {
    const cleo = await server.as({ user: 'cleo' });
    const rows: string[] = [];
    for (let index = 0; index < 3; index++)
      rows.unshift(
        (await put(store, { requestedBy: 'cleo', createdAt: new Date(1_700_000_000_000 + index) })).id,
      );
    await put(store, { requestedBy: 'cleo', expiresAt: past() });
    await put(store, { requestedBy: 'cleo', status: 'answered' });
    const page = async (variables: object, client = cleo): Promise<Json> =>
      (await dataOf(client.graphql(PENDING, variables as Record<string, unknown>))).pendingQuestions;
    const first = await page({ limit: 2 });
    expect(first).toMatchObject({ total: 3, questions: [{ id: rows[0] }, { id: rows[1] }] });
    expect(first.questions[0].questions[1]).toEqual({
      id: 'size',
      kind: 'SINGLE_CHOICE',
      options: ['S', 'M'],
      required: true,
    });
    const second = await page({ limit: 2, cursor: first.nextCursor });
    expect(second).toMatchObject({ total: 3, nextCursor: null, questions: [{ id: rows[2] }] });
    const tenant = await page({ scope: 'TENANT' }, admin);
    expect(tenant.questions.map(({ id }: Json) => id)).toEqual(expect.arrayContaining(rows));
    const mine = await dataOf(
      cleo.graphql('query ($id: ID!) { question(id: $id) { status } }', { id: rows[0] }),
    );
    expect(mine.question.status).toBe('PENDING');
  });
});

describe('refusals', () => {
  let id: string;
  beforeAll(async () => ({ id } = await put(store)));
  const answers = (name: string, given: unknown, field: string | RegExp): Refusal => ({
    name,
    rest: () => ['POST', `/api/v1/questions/${id}/respond`, { answers: given }],
    graphql: () => [RESPOND, { input: { id, answers: given } }],
    status: 422,
    code: 'validation_failed',
    field,
    client: () => ada,
  });

  itRefuses(
    () => server,
    [
      answers('an unknown item', { ...ANSWERS, colour: 'red' }, 'answers.colour'),
      answers(
        'an item named like what every object has',
        { ...ANSWERS, constructor: 'x' },
        'answers.constructor',
      ),
      answers('a missing required item', { ...ANSWERS, name: undefined }, 'answers.name'),
      answers('null for a required item', { ...ANSWERS, sure: null }, 'answers.sure'),
      answers('an empty text', { ...ANSWERS, name: '  ' }, 'answers.name'),
      answers('a text that is none', { ...ANSWERS, name: 5 }, 'answers.name'),
      answers('an endless text', { ...ANSWERS, name: 'x'.repeat(10_001) }, 'answers.name'),
      answers('a choice that is not offered', { ...ANSWERS, size: 'XL' }, 'answers.size'),
      answers('a list for a single choice', { ...ANSWERS, size: ['S'] }, 'answers.size'),
      answers('a text for a list of choices', { ...ANSWERS, extras: 'a' }, 'answers.extras'),
      answers('choices that are not offered', { ...ANSWERS, extras: ['a', 'z'] }, 'answers.extras'),
      answers('a choice twice', { ...ANSWERS, extras: ['a', 'a'] }, 'answers.extras'),
      answers('a text for a confirmation', { ...ANSWERS, sure: 'yes' }, 'answers.sure'),
      answers('a list of answers', [], /^answers$/),
      { ...answers('a text for all answers', 'yes', /^answers$/), rest: undefined },
      {
        name: 'no answers',
        rest: () => ['POST', `/api/v1/questions/${id}/respond`, {}],
        status: 422,
        code: 'validation_failed',
        field: 'answers',
        client: () => ada,
      },
      {
        name: 'an unknown question',
        rest: () => ['POST', '/api/v1/questions/nothing/respond', { answers: {} }],
        graphql: () => ['query { question(id: "nothing") { id } }'],
        status: 404,
        code: 'not_found',
        client: () => ada,
      },
      {
        name: "the tenant's questions without the admin scope",
        graphql: () => [PENDING, { scope: 'TENANT' }],
        status: 403,
        code: 'forbidden',
        client: () => ada,
      },
      {
        name: 'a broken token',
        rest: () => ['POST', `/api/v1/questions/${id}/respond`, { answers: {} }],
        status: 401,
        code: 'unauthenticated',
        client: () => new Client(server.url, 'broken'),
      },
    ],
  );

  it('names every bad answer at once, and leaves the question open', async () => {
    const { errors } = expectProblem(
      await respond(id, { name: '', size: 'XL', sure: true, other: 1 }),
      422,
      'validation_failed',
    );
    expect(errors.map(({ path }: Json) => path).sort()).toEqual([
      'answers.name',
      'answers.other',
      'answers.size',
    ]);
    expect((await store.questions.find(id))?.status).toBe('pending');
  });
});
