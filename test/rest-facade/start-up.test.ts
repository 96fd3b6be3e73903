import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSchema } from 'graphql';
import { createRestFacade, writeOpenApi, type RestFacade } from '../../rest-facade';
import { MemoryIdempotencyStore } from './toy/memory-idempotency-store';
import { recordingLogger, toyExecutor } from './toy/server';

const schema = buildSchema(/* GraphQL */ `
  type Item {
    id: ID!
    name: String
  }
  input ItemInput {
    name: String!
    size: Int
  }
  type Query {
    item(id: ID!): Item
    items: [Item!]!
  }
  type Mutation {
    makeItem(input: ItemInput!): Item
  }
  type Subscription {
    itemChanged(id: ID!): Item!
  }
`);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'facade-'));
  mkdirSync(join(folder, 'openapi'));
  mkdirSync(join(folder, 'operations'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const RESPONSES = { '200': { description: 'Fine.' } };
const ID = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };

interface Given {
  graphql?: string;
  paths?: object;
  files?: Record<string, object | string>;
}

const GET_ITEM = 'query Item($id: ID!) { item(id: $id) { id } }';
const MAKE_ITEM = 'mutation MakeItem($input: ItemInput!) { makeItem(input: $input) { id } }';

const getItem = (rule: object | undefined, more: object = {}): object => ({
  '/api/items/{id}': { get: { parameters: [ID], responses: RESPONSES, 'x-agentflow': rule, ...more } },
});

const makeItem = (properties: object, rule: object = {}): object => ({
  '/api/items': {
    post: {
      responses: RESPONSES,
      requestBody: { content: { 'application/json': { schema: { type: 'object', properties } } } },
      'x-agentflow': { operation: 'MakeItem', ...rule },
    },
  },
});

function start({ graphql = GET_ITEM, paths = {}, files = {} }: Given): RestFacade {
  writeFileSync(join(folder, 'operations', 'items.graphql'), graphql);
  for (const [name, content] of Object.entries<object | string>({ 'items.yaml': { paths }, ...files })) {
    // JSON is YAML.
    writeFileSync(
      join(folder, 'openapi', name),
      typeof content === 'string' ? content : JSON.stringify(content),
    );
  }
  return createRestFacade({
    schema,
    executor: toyExecutor(schema),
    createContext: () => Promise.resolve({ user: 'ada' }),
    principalKey: ({ user }) => user,
    idempotencyStore: new MemoryIdempotencyStore({ now: () => new Date(0) }),
    logger: recordingLogger([]),
    openapiDir: join(folder, 'openapi'),
    operationsDir: join(folder, 'operations'),
    options: { uploadDirectory: folder },
  });
}

it('starts when everything fits', () => {
  expect(() => start({ paths: getItem({ operation: 'Item' }) })).not.toThrow();
});

const FAILURES: [string, Given, string][] = [
  ['an operation without mapping', { paths: getItem(undefined) }, 'GET /api/items/{id}: has no x-agentflow'],
  [
    'an unknown GraphQL operation',
    { paths: getItem({ operation: 'Itm' }) },
    'operation Itm is in no document',
  ],
  ['a rule without operation', { paths: getItem({}) }, 'x-agentflow.operation is missing'],
  [
    'a document that the schema does not admit',
    { graphql: 'query Item($id: ID!) { item(id: $id) { nme } }', paths: getItem({ operation: 'Item' }) },
    'Cannot query field "nme" on type "Item". Did you mean "name"? (items.graphql:1)',
  ],
  ['a document that is not GraphQL', { graphql: 'query {' }, 'Syntax Error'],
  [
    'a document that nothing uses',
    { graphql: `${GET_ITEM} query Items { items { id } }`, paths: getItem({ operation: 'Item' }) },
    'GraphQL operation Items is used by no OpenAPI operation',
  ],
  [
    'two documents of one name',
    { graphql: `${GET_ITEM} ${GET_ITEM}`, paths: getItem({ operation: 'Item' }) },
    'There can be only one operation named "Item"',
  ],
  [
    'a required variable that nothing binds',
    {
      paths: {
        '/api/item': { get: { responses: RESPONSES, 'x-agentflow': { operation: 'Item' } } },
      },
    },
    'required variable $id is unbound',
  ],
  [
    'a required input field that nothing binds',
    { graphql: MAKE_ITEM, paths: makeItem({ size: { type: 'integer' } }) },
    'required field $input.name is unbound',
  ],
  [
    'a body property that nothing takes',
    { graphql: MAKE_ITEM, paths: makeItem({ name: { type: 'string' }, colour: { type: 'string' } }) },
    'body property colour is bound to no field of $input',
  ],
  [
    'a path parameter that nothing takes',
    { graphql: 'query Items { items { id } }', paths: getItem({ operation: 'Items' }) },
    'path parameter id is bound to no variable',
  ],
  [
    'a binding of a variable that does not exist',
    { paths: getItem({ operation: 'Item', bind: { name: 'path.id' } }) },
    'bind names $name, which the operation does not have',
  ],
  [
    'a binding from a parameter that does not exist',
    { paths: getItem({ operation: 'Item', bind: { id: 'path.item_id' } }) },
    'path.item_id is not declared',
  ],
  [
    'a binding from a body property that does not exist',
    {
      graphql: MAKE_ITEM,
      paths: makeItem({ name: { type: 'string' } }, { bind: { 'input.size': 'body.sise' } }),
    },
    'body.sise is not declared',
  ],
  [
    'a source of an unknown kind',
    { paths: getItem({ operation: 'Item', bind: { id: 'cookie.id' } }) },
    'cookie.id is not a source',
  ],
  [
    'a result path that is not selected',
    { paths: getItem({ operation: 'Item', result: 'item.name' }) },
    'result path item.name is not selected',
  ],
  [
    'a header path that is not selected',
    { paths: getItem({ operation: 'Item', location: '/api/items/{item.key}' }) },
    'location path item.key is not selected',
  ],
  [
    'two root fields without a result path',
    {
      graphql: 'query Item($id: ID!) { item(id: $id) { id } items { id } }',
      paths: getItem({ operation: 'Item' }),
    },
    'has 2 root fields; say which',
  ],
  [
    'a GET that changes something',
    { graphql: MAKE_ITEM, paths: getItem({ operation: 'MakeItem', bind: { 'input.name': 'path.id' } }) },
    'a GET must be safe',
  ],
  [
    'a subscription where an answer is needed',
    {
      graphql: 'subscription S($id: ID!) { itemChanged(id: $id) { id } }',
      paths: getItem({ operation: 'S' }),
    },
    'operation S is a subscription; a query or mutation is needed',
  ],
  [
    'an event stream without event ids',
    {
      graphql: 'subscription S($id: ID!) { itemChanged(id: $id) { id } }',
      paths: getItem({ operation: 'S', shape: 'sse' }),
    },
    'event id path seq is not selected',
  ],
  [
    'a public rule on an operation that asks for a token',
    { paths: getItem({ operation: 'Item', public: true }) },
    'belong together',
  ],
  [
    'an open operation without a public rule',
    { paths: getItem({ operation: 'Item' }, { security: [] }) },
    'belong together',
  ],
  [
    'a path parameter that the path does not have',
    {
      paths: {
        '/api/items': {
          get: { parameters: [ID], responses: RESPONSES, 'x-agentflow': { operation: 'Item' } },
        },
      },
    },
    'path parameter id is not in the path',
  ],
  [
    'a path in two files',
    {
      files: { 'more.yaml': { paths: getItem({ operation: 'Item' }) } },
      paths: getItem({ operation: 'Item' }),
    },
    'more.yaml: path /api/items/{id} is declared twice',
  ],
  [
    'a component in two files',
    {
      files: {
        'a.yaml': { components: { schemas: { X: { type: 'string' } } } },
        'b.yaml': { components: { schemas: { X: { type: 'string' } } } },
      },
      paths: getItem({ operation: 'Item' }),
    },
    'b.yaml: components.schemas.X is declared twice',
  ],
  [
    'a reference that leads nowhere',
    {
      paths: getItem(
        { operation: 'Item' },
        { responses: { '200': { $ref: '#/components/responses/Nope' } } },
      ),
    },
    'Reference #/components/responses/Nope leads nowhere',
  ],
  [
    'one operationId for two operations',
    {
      paths: {
        ...getItem({ operation: 'Item' }, { operationId: 'x' }),
        '/api/b/{id}': {
          get: {
            operationId: 'x',
            parameters: [ID],
            responses: RESPONSES,
            'x-agentflow': { operation: 'Item' },
          },
        },
      },
    },
    'operationId x is used by get /api/items/{id} and by get /api/b/{id}',
  ],
  [
    'a body that is neither JSON nor a form',
    {
      graphql: MAKE_ITEM,
      paths: {
        '/api/items': {
          post: {
            responses: RESPONSES,
            requestBody: {
              content: { 'text/csv': { schema: { properties: { name: { type: 'string' } } } } },
            },
            'x-agentflow': { operation: 'MakeItem' },
          },
        },
      },
    },
    'bodies of type text/csv are not supported',
  ],
  ['a file that is not YAML', { files: { 'bad.yaml': 'a: [' } }, 'bad.yaml is not readable YAML'],
  [
    'a document that is not OpenAPI 3.1',
    { paths: getItem({ operation: 'Item' }, { responses: { '200': {} } }) },
    'OpenAPI document: /paths/~1api~1items~1{id}/get/responses/200',
  ],
  [
    'two templates of one shape',
    {
      paths: {
        ...getItem({ operation: 'Item' }),
        '/api/items/{item}': {
          get: {
            parameters: [{ ...ID, name: 'item' }],
            responses: RESPONSES,
            'x-agentflow': { operation: 'Item', bind: { id: 'path.item' } },
          },
        },
      },
    },
    'GET /api/items/{item} is routed twice',
  ],
];

it.each(FAILURES)('refuses to start with %s', (_what, given, message) => {
  expect(() => start(given)).toThrow(message);
});

it('names every finding at once', () => {
  const paths = { ...getItem({ operation: 'A' }), ...makeItem({}) };
  expect(() => start({ paths })).toThrow(
    /operation A is in no document[^]*operation MakeItem is in no document[^]*Item is used by no/,
  );
});

it('finds a schema that cannot be compiled when it warms up', async () => {
  const facade = start({ graphql: MAKE_ITEM, paths: makeItem({ name: { type: 'string', pattern: '(' } }) });
  await expect(facade.warmUp()).rejects.toThrow('POST /api/items: Invalid regular expression');
});

it('writes the public document to a file', () => {
  start({ paths: getItem({ operation: 'Item' }) });
  const file = join(folder, 'dist', 'openapi.json');
  writeOpenApi(join(folder, 'openapi'), file);
  const document = JSON.parse(readFileSync(file, 'utf8')) as { paths: Record<string, { get: object }> };
  expect(document.paths['/api/items/{id}']!.get).toEqual({ parameters: [ID], responses: RESPONSES });
});
