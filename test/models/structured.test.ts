import fc from 'fast-check';
import { Ajv2020 } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { modelRegistry } from '../../src/models/registry';
import { createLocalProvider } from '../../src/adapters/local-model';
import type { JsonSchema } from '../../src/ports/models';

const model = createLocalProvider({ registry: modelRegistry });

async function fill(schema: JsonSchema, text: string): Promise<unknown> {
  const request = {
    model: 'agentflow/local',
    messages: [{ role: 'user' as const, content: text }],
    responseFormat: { name: 'answer', schema },
  };
  for await (const chunk of model.chat(request)) if (chunk.type === 'done') return JSON.parse(chunk.text);
  throw new Error('The stream did not end with done.');
}

const object = (properties: Record<string, JsonSchema>, required = Object.keys(properties)): JsonSchema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

describe('a structured answer of the embedded model', () => {
  it('takes each property from the text', async () => {
    const schema = object({
      name: { type: 'string' },
      age: { type: 'integer', minimum: 0 },
      email: { type: 'string', format: 'email' },
      active: { type: 'boolean' },
      tags: { type: 'array', items: { type: 'string' } },
      mood: { type: 'string', enum: ['happy', 'sad'] },
      address: object({ city: { type: 'string' } }),
    });
    const text =
      'Name: Ada Lovelace, age is 36. Mail ada@example.org. Active: yes. Tags: math, engines and poems. She is sad. City: London.';
    expect(await fill(schema, text)).toEqual({
      name: 'Ada Lovelace',
      age: 36,
      email: 'ada@example.org',
      active: true,
      tags: ['math', 'engines', 'poems'],
      mood: 'sad',
      address: { city: 'London' },
    });
  });

  it('leaves out optional properties that the text does not mention', async () => {
    expect(
      await fill(object({ city: { type: 'string' }, zip: { type: 'string' } }, []), 'City: Oslo.'),
    ).toEqual({ city: 'Oslo' });
  });

  it('hears a negation', async () => {
    expect(await fill(object({ urgent: { type: 'boolean' } }), 'This is not urgent.')).toEqual({
      urgent: false,
    });
  });

  it('follows references, also of a schema that holds itself', async () => {
    const schema = {
      $ref: '#/$defs/node',
      $defs: {
        node: object({
          label: { type: 'string' },
          children: { type: 'array', items: { $ref: '#/$defs/node' } },
        }),
      },
    };
    expect(await fill(schema, 'Label: root')).toEqual({ label: 'root', children: [] });
  });

  it('fails with the name of the schema when nothing can fit it', async () => {
    const schema = object({ x: { type: 'string', pattern: '^[A-Z]{40}[0-9]{9}$' } });
    await expect(fill(schema, 'hello')).rejects.toMatchObject({
      code: 'validation_failed',
      details: { errors: [{ path: 'responseFormat.schema' }] },
    });
  });

  it('fits any schema of the supported kinds', async () => {
    const ajv = new Ajv2020({ strict: false, ownProperties: true });
    addFormats.default(ajv);
    await fc.assert(
      fc.asyncProperty(schemas, fc.lorem({ maxCount: 20 }), async (schema, text) => {
        const answer = await fill(schema, `${text}. count: 12, a: yes, b = red`);
        expect([ajv.validate(schema, answer), ajv.errorsText()]).toEqual([true, 'No errors']);
      }),
      { numRuns: 300, seed: 20261124 },
    );
  });
});

// No `__proto__`: ajv, which has the last word on an answer, does not see such a property.
const key = fc.constantFrom('a', 'b', 'count', 'firstName', 'is_open', 'summary', 'constructor');
const { schema: schemas } = fc.letrec<{ schema: JsonSchema; leaf: JsonSchema }>((tie) => ({
  leaf: fc.oneof(
    fc
      .record({ low: fc.nat(5), extra: fc.nat(20) })
      .map(({ low, extra }): JsonSchema => ({ type: 'string', minLength: low, maxLength: low + extra })),
    fc.constantFrom<JsonSchema>(
      { type: 'string' },
      { type: 'boolean' },
      { type: 'null' },
      { type: ['string', 'null'] },
      {},
    ),
    fc
      .record({ low: fc.integer({ min: -50, max: 50 }), extra: fc.integer({ min: 1, max: 50 }) })
      .map(({ low, extra }): JsonSchema => ({ type: 'integer', minimum: low, maximum: low + extra })),
    fc
      .record({ low: fc.integer({ min: -50, max: 50 }), extra: fc.integer({ min: 1, max: 50 }) })
      .map(({ low, extra }): JsonSchema => ({
        type: 'number',
        exclusiveMinimum: low,
        exclusiveMaximum: low + extra,
      })),
    fc
      .integer({ min: 1, max: 7 })
      .map((step): JsonSchema => ({ type: 'integer', multipleOf: step, minimum: 3 })),
    fc
      .uniqueArray(fc.oneof(fc.constantFrom('red', 'green', 'blue'), fc.nat(9)), { minLength: 1 })
      .map((options): JsonSchema => ({ enum: options })),
    fc
      .constantFrom('date', 'date-time', 'email', 'uuid', 'uri', 'time', 'ipv4', 'hostname')
      .map((format): JsonSchema => ({ type: 'string', format })),
    fc.string({ maxLength: 5 }).map((constant): JsonSchema => ({ const: constant })),
  ),
  schema: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie('leaf'),
    fc
      .record({ items: tie('schema'), low: fc.nat(2), extra: fc.nat(3) })
      .map(({ items, low, extra }): JsonSchema => ({
        type: 'array',
        items,
        minItems: low,
        maxItems: low + extra,
      })),
    fc
      .record({
        entries: fc.uniqueArray(fc.tuple(key, tie('schema'), fc.boolean()), {
          selector: ([name]) => name,
          maxLength: 4,
        }),
        closed: fc.boolean(),
      })
      .map(({ entries, closed }): JsonSchema => ({
        type: 'object',
        properties: Object.fromEntries(entries.map(([name, schema]) => [name, schema])),
        required: entries.filter(([, , must]) => must).map(([name]) => name),
        additionalProperties: !closed,
      })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf): JsonSchema => ({ anyOf })),
  ),
}));
