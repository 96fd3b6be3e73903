import fc from 'fast-check';
import { buildSchema, type GraphQLInputType } from 'graphql';
import { compileInput, compileOutput, SelectionReader, type SelectedField } from '../../rest-facade/convert';
import { prepareOperations } from '../../rest-facade/documents';
import { toCamel, toSnake } from '../../rest-facade/names';
import { parseRange } from '../../rest-facade/binary';
import { RouteTable } from '../../rest-facade/routes';
import type { OpenApiDocument } from '../../rest-facade/types';

const schema = buildSchema(/* GraphQL */ `
  scalar JSON
  type Leaf {
    deepValue: JSON
    bareName: String
  }
  type Tree {
    nodeId: ID!
    freeForm: JSON
    leafList: [Leaf!]
    innerTree: Tree
  }
  input LeafInput {
    deepValue: JSON
    bareName: String
  }
  input TreeInput {
    nodeId: ID!
    freeForm: JSON
    leafList: [LeafInput!]
    innerTree: TreeInput
  }
  union Found = Tree | Leaf
  type Query {
    tree: Tree
    found: [Found!]!
  }
`);

const document: OpenApiDocument = {
  openapi: '3.1.0',
  info: { title: 'x', version: '1' },
  paths: {},
  components: {
    schemas: {
      Leaf: { type: 'object', properties: { deep_value: {}, bare_name: { type: 'string' } } },
      Tree: {
        type: 'object',
        properties: {
          node_id: { type: 'string' },
          free_form: {},
          leaf_list: { type: 'array', items: { $ref: '#/components/schemas/Leaf' } },
          inner_tree: { $ref: '#/components/schemas/Tree' },
        },
      },
    },
  },
};
const TREE = { $ref: '#/components/schemas/Tree' };

function output(query: string, root: string): (value: unknown) => unknown {
  const operation = prepareOperations(schema, [{ name: 'q.graphql', text: query }]).get('Q')!;
  const reader = new SelectionReader(schema, operation.document);
  const field: SelectedField = reader
    .fields(schema.getQueryType()!, [operation.definition.selectionSet])
    .get(root)!;
  return compileOutput(reader, field, undefined, { document, dropsNull: () => false });
}

const leaf = fc.record({ deep_value: fc.jsonValue(), bare_name: fc.string() }, { requiredKeys: [] });
const tree = fc.letrec((tie) => ({
  tree: fc.record(
    {
      node_id: fc.string(),
      free_form: fc.jsonValue(),
      leaf_list: fc.array(leaf),
      inner_tree: fc.oneof({ maxDepth: 3 }, fc.constant(null), tie('tree')),
    },
    { requiredKeys: ['node_id'] },
  ),
})).tree;

describe('conversion', () => {
  const input = compileInput(document, schema.getType('TreeInput') as GraphQLInputType, TREE, []);
  const toWire = output(
    `query Q { tree { ...T innerTree { ...T innerTree { ...T innerTree { ...T innerTree { ...T innerTree { ...T } } } } } } }
     fragment T on Tree { nodeId freeForm leafList { deepValue bareName } }`,
    'tree',
  );

  it('gives back what came in, JSON untouched, whatever it is', () => {
    fc.assert(
      fc.property(tree, (wire) => {
        const ignored: string[] = [];
        expect(toWire(input(wire, '', ignored))).toEqual(wire);
        expect(ignored).toEqual([]);
      }),
    );
  });

  it('hands JSON scalars over as the same object, not a copy', () => {
    const freeForm = { some_key: { otherKey: [] } };
    const converted = input({ node_id: 'a', free_form: freeForm }, '', []) as { freeForm: unknown };
    expect(converted.freeForm).toBe(freeForm);
  });

  it('sets no prototype from a body', () => {
    const ignored: string[] = [];
    const converted = input(JSON.parse('{"node_id":"a","__proto__":{"polluted":1}}'), '', ignored) as object;
    expect([Object.getPrototypeOf(converted), ignored]).toEqual([Object.prototype, ['__proto__']]);
  });

  it('reads unions by the fields that each member has, and drops __typename', () => {
    const convert = output(
      'query Q { found { __typename ... on Tree { nodeId } ... on Leaf { bareName } } }',
      'found',
    );
    const found = [
      { __typename: 'Tree', nodeId: 'a' },
      { __typename: 'Leaf', bareName: 'b' },
    ];
    expect(convert(found)).toEqual([{ node_id: 'a' }, { bare_name: 'b' }]);
  });

  it('brings every snake_case name back', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,5}(_[a-z][a-z0-9]{0,5}){0,4}$/);
    fc.assert(fc.property(name, (snake) => expect(toSnake(toCamel(snake))).toBe(snake)));
  });
});

describe('routes', () => {
  it('match the literal template in whatever order the templates came', () => {
    const templates = ['/a/{x}', '/a/all', '/a/{x}/b', '/a/all/b', '/a/{x}/{y}', '/{z}/b'];
    fc.assert(
      fc.property(fc.shuffledSubarray(templates, { minLength: templates.length }), (order) => {
        const table = new RouteTable<string>();
        for (const template of order) table.add('GET', template, template);
        const found = ['/a/all', '/a/1', '/a/all/b', '/a/1/b', '/a/all/c', '/q/b'].map(
          (path) => table.find('GET', path)?.value,
        );
        expect(found).toEqual(['/a/all', '/a/{x}', '/a/all/b', '/a/{x}/b', '/a/{x}/{y}', '/{z}/b']);
      }),
    );
  });

  it('fall back to the parameter when the literal does not answer the method', () => {
    const table = new RouteTable<string>();
    table.add('GET', '/a/search', 'search');
    table.add('DELETE', '/a/{id}', 'delete');
    expect(table.find('DELETE', '/a/search')).toEqual({ value: 'delete', params: { id: 'search' } });
    expect(table.allowed('/a/search')).toEqual(['DELETE', 'GET', 'HEAD', 'OPTIONS']);
  });
});

describe('ranges', () => {
  it.each([
    ['bytes=0-3', { start: 0, end: 3 }],
    ['bytes=8-', { start: 8, end: 9 }],
    ['bytes=-4', { start: 6, end: 9 }],
    ['bytes=-40', { start: 0, end: 9 }],
    ['bytes=5-100', { start: 5, end: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-2', undefined],
    ['bytes=0-1,3-4', undefined],
    ['items=0-1', undefined],
    [undefined, undefined],
  ])('%s of ten bytes', (header, expected) => {
    expect(parseRange(header, 10)).toEqual(expected);
  });
});
