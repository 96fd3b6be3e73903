import type { Ajv2020 } from 'ajv/dist/2020';
import { createValidator2020 } from '../../json-schema/validators';
import type { JsonSchema } from '../../ports/models';

let checker: Ajv2020 | undefined;

/**
 * The last word on a structured answer.
 * @returns what is wrong, undefined when the value fits; a schema that is itself invalid counts as wrong
 */
export function checkAgainst(schema: JsonSchema, value: unknown): string | undefined {
  // The dialect's name would be looked up as a schema of its own; the ids of two requests may clash.
  const { $schema: _dialect, $id: _id, ...bare } = schema;
  const ajv = (checker ??= createValidator2020({ ownProperties: true }));
  try {
    const check = ajv.compile(bare);
    return check(value) ? undefined : ajv.errorsText(check.errors, { dataVar: 'answer' });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    // Compiled schemas are kept by identity, and every request brings a new object.
    ajv.removeSchema(bare);
  }
}
