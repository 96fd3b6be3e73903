import { LRUCache } from 'lru-cache';
import type { default as Ajv, ValidateFunction } from 'ajv';
import { join } from 'node:path';
import { DomainError } from '../errors';
import { plainNumbers } from '../json';
import { TaskFailure, ThreadPool } from '../threads/pool';
import type { Turn } from '../fair-semaphore';
import { isSchemaObject, schemaNodes } from './bounds';
import { checkCost } from './cost';
import { createValidator } from './validators';

/** Complaints about a value, `/path what is wrong`; empty when it fits. */
export type Check = (value: unknown) => string[];

/** Compiled schemas that are kept: the same one comes with every request of a client. */
const KEPT = 500;
/** Comparisons made in the main thread, at well under a microsecond each. */
const COMPARISONS_INLINE = 200_000;
/** Every complaint is collected where there cannot be many. */
const COMPARISONS_WITH_ALL_ERRORS = 20_000;
/** Nodes compiled in the main thread, at a tenth of a millisecond each. */
const NODES_INLINE = 300;
const CHECK_MS = 5_000;
const CHECK_MEMORY_MB = 256;
const IDLE_MS = 30_000;
const MOST_WAITING = 1_000;

const kept = new LRUCache<string, Check>({ max: KEPT });

/**
 * A validator of a JSON schema; unknown keywords and formats are ignored as JSON Schema says. It is meant for schemas and
 * values whose cost is known to be small; `StructuredChecks` bounds it.
 * @throws Error for what is no schema
 */
export function compileSchema(schema: object): Check {
  const key = JSON.stringify(schema);
  let check = kept.get(key);
  if (!check) kept.set(key, (check = compile(schema, key)));
  return check;
}

let shared: { all: Ajv; first: Ajv } | undefined;

const createValidators = (): { all: Ajv; first: Ajv } => ({
  all: createValidator({ allErrors: true }),
  first: createValidator(),
});

function compile(schema: object, text: string): Check {
  // Names that a schema gives to its parts are known to its validator for ever, and may be another one's, too.
  const { all, first } = text.includes('"$id"') ? createValidators() : (shared ??= createValidators());
  const validateAll = compiledBy(all, schema);
  let validateFirst: ValidateFunction | undefined;
  return (value) => {
    if (checkCost(schema, value, COMPARISONS_WITH_ALL_ERRORS) !== Infinity)
      return complaints(validateAll, value);
    validateFirst ??= compiledBy(first, schema);
    return complaints(validateFirst, value);
  };
}

function compiledBy(ajv: Ajv, schema: object): ValidateFunction {
  try {
    return ajv.compile(schema);
  } finally {
    // A validator keeps schemas by identity, and every request brings a new object.
    ajv.removeSchema(schema);
  }
}

const complaints = (validate: ValidateFunction, value: unknown): string[] =>
  validate(value)
    ? []
    : (validate.errors ?? []).map((error) => `${error.instancePath || '/'} ${error.message ?? 'is invalid'}`);

/** True when compiling the schema takes no time that anybody would notice. */
export const compilesFast = (schema: unknown): boolean =>
  isSchemaObject(schema) && schemaNodes(schema) <= NODES_INLINE;

export interface CheckTask {
  schema: object;
  value: unknown;
}

/** Checks of values against schemas from outside, both of any size: what may take long has a thread and a time limit. */
export class StructuredChecks {
  private readonly threads = new ThreadPool<CheckTask, string[]>({
    file: join(__dirname, 'worker'),
    threads: 1,
    timeoutMs: CHECK_MS,
    memoryMb: CHECK_MEMORY_MB,
    idleMs: IDLE_MS,
    mostWaiting: MOST_WAITING,
  });

  /**
   * @returns complaints
   * @throws DomainError `output_invalid` where the check does not end in time, `overloaded`; the abort reason when aborted
   */
  async check(
    schema: object,
    answer: unknown,
    options: { turn?: Turn; signal?: AbortSignal } = {},
  ): Promise<string[]> {
    const value = plainNumbers(answer);
    if (compilesFast(schema) && checkCost(schema, value, COMPARISONS_INLINE) !== Infinity)
      return compileSchema(schema)(value);
    try {
      return await this.threads.run({ schema, value }, options);
    } catch (error) {
      if (!(error instanceof TaskFailure)) throw error;
      const tooMany = error.reason === 'too_many';
      throw new DomainError(
        tooMany ? 'overloaded' : 'output_invalid',
        `The model's answer cannot be checked against its schema: ${error.message} Simplify the schema.`,
        { extra: { retryable: tooMany } },
      );
    }
  }

  close(): Promise<void> {
    return this.threads.close();
  }
}

/** The process has one: it has no thread before the first large value. */
export const structuredChecks = new StructuredChecks();
