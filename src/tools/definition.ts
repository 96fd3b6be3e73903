import { type FieldError, invalid, invalidFields, throwIfInvalid } from '../errors';
import { schemaExcess } from '../json-schema/bounds';
import { compileSchema } from '../json-schema/check';
import type { JsonObject, JsonValue } from '../ports/records';
import type { SandboxLanguage } from '../ports/sandbox';
import type { ToolKind, ToolRecord } from '../ports/tools';
import { mendSchema, schemaComplaints, withoutChoices } from './schema';

export const TOOL_NAME = /^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$/;
const DESCRIPTION_CHARACTERS = 4_000;
const TEXT_CHARACTERS = 200;
const SCHEMA_CHARACTERS = 100_000;
const MOST_TAGS = 50;

/** Seconds (D4). */
export const EXECUTION_TIMEOUT = { default: 30, min: 0.1, max: 300 };
export const APPROVAL_TIMEOUT = { default: 300, min: 1, max: 604_800 };
/** What documented clients expect of code tools. */
export const RETRY_DEFAULTS = { maxRetries: 3, retryDelay: 1, backoffFactor: 2 };

/** What a client may say of a tool, when it registers one or changes it. */
export interface ToolInput {
  name?: string | null;
  description?: string | null;
  kind?: ToolKind | null;
  language?: SandboxLanguage | null;
  functionCode?: string | null;
  parameters?: JsonValue;
  argsSchema?: JsonValue;
  paramDescriptions?: JsonValue;
  config?: JsonValue;
  tags?: string[] | null;
  group?: string | null;
  icon?: string | null;
  iconType?: string | null;
  iconColor?: string | null;
  iconVariant?: string | null;
  requireApproval?: boolean | null;
  approvalTimeoutSeconds?: number | null;
  secureExecution?: boolean | null;
  executionTimeout?: number | null;
  idempotent?: boolean | null;
  supportsPreview?: boolean | null;
  maxRetries?: number | null;
  retryDelay?: number | null;
  backoffFactor?: number | null;
  llmUsage?: JsonValue;
  credentials?: JsonValue;
}

export const TOOL_DEFAULTS: Omit<
  ToolRecord,
  'id' | 'name' | 'nameKey' | 'kind' | 'description' | 'createdBy' | 'createdAt' | 'updatedAt'
> = {
  functionCode: null,
  parameters: { type: 'object', properties: {} },
  config: null,
  tags: [],
  group: null,
  icon: null,
  iconType: null,
  iconColor: null,
  iconVariant: null,
  requireApproval: false,
  approvalTimeoutSeconds: APPROVAL_TIMEOUT.default,
  secureExecution: true,
  executionTimeout: EXECUTION_TIMEOUT.default,
  idempotent: false,
  supportsPreview: false,
  ...RETRY_DEFAULTS,
  llmUsage: null,
  credentials: null,
  version: 1,
  deletedAt: null,
};

class Complaints {
  readonly errors: FieldError[] = [];

  add(path: string, message: string): void {
    this.errors.push({ path, message });
  }

  range(path: string, value: number | null | undefined, { min, max }: { min: number; max: number }): void {
    if (value === undefined || value === null) return;
    if (!Number.isFinite(value) || value < min || value > max)
      this.add(path, `must be between ${min} and ${max}, is ${value}`);
  }

  throwIfAny(): void {
    throwIfInvalid(this.errors);
  }
}

/** @throws DomainError `validation_failed` with an entry for each bad value */
export function checkToolInput(input: ToolInput): void {
  const complaints = new Complaints();
  if (present(input.name) && !TOOL_NAME.test(input.name))
    complaints.add('name', 'must match ^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$');
  if (present(input.description)) {
    if (input.description.trim() === '') complaints.add('description', 'must not be empty');
    if (input.description.length > DESCRIPTION_CHARACTERS)
      complaints.add('description', `must have at most ${DESCRIPTION_CHARACTERS} characters`);
  }
  for (const [path, value] of [
    ['group', input.group],
    ['icon', input.icon],
    ['icon_type', input.iconType],
    ['icon_color', input.iconColor],
    ['icon_variant', input.iconVariant],
  ] as const)
    if (present(value) && value.length > TEXT_CHARACTERS)
      complaints.add(path, `must have at most ${TEXT_CHARACTERS} characters`);
  if (
    present(input.tags) &&
    (input.tags.length > MOST_TAGS || input.tags.some((tag) => tag.length > TEXT_CHARACTERS))
  )
    complaints.add('tags', `must be at most ${MOST_TAGS} texts of at most ${TEXT_CHARACTERS} characters`);
  complaints.range('execution_timeout', input.executionTimeout, EXECUTION_TIMEOUT);
  complaints.range('approval_timeout_seconds', input.approvalTimeoutSeconds, APPROVAL_TIMEOUT);
  complaints.range('max_retries', input.maxRetries, { min: 0, max: 10 });
  complaints.range('retry_delay', input.retryDelay, { min: 0, max: 60 });
  complaints.range('backoff_factor', input.backoffFactor, { min: 1, max: 10 });
  if (input.secureExecution === false)
    complaints.add('secure_execution', 'must be true: code of tools runs in the sandbox and nowhere else');
  for (const [path, value] of [
    ['parameters', input.parameters],
    ['param_descriptions', input.paramDescriptions],
    ['llm_usage', input.llmUsage],
    ['credentials', input.credentials],
    ['config', input.config],
  ] as const)
    if (present(value) && !isObject(value)) complaints.add(path, 'must be an object');
  checkSchema(input.argsSchema, complaints);
  checkCredentials(input.credentials, complaints);
  complaints.throwIfAny();
}

function checkCredentials(value: JsonValue | undefined, complaints: Complaints): void {
  if (!present(value) || !isObject(value)) return;
  for (const [name, secret] of Object.entries(value))
    if (typeof secret !== 'string') complaints.add(`credentials.${name}`, 'must be a text');
}

function checkSchema(schema: JsonValue | undefined, complaints: Complaints): void {
  if (!present(schema)) return;
  if (!isObject(schema)) {
    complaints.add('args_schema', 'must be an object');
    return;
  }
  if (schema.type !== 'object') complaints.add('args_schema.type', 'must be "object"');
  if (JSON.stringify(schema).length > SCHEMA_CHARACTERS) {
    complaints.add('args_schema', `must have at most ${SCHEMA_CHARACTERS} characters`);
    return;
  }
  const excess = schemaExcess(schema, 'args_schema');
  if (excess) {
    complaints.add(excess.path, excess.message);
    return;
  }
  const mended = mendSchema(schema);
  const errors = schemaComplaints(mended, 'args_schema');
  if (errors.length > 0) complaints.add('args_schema', `is no valid JSON schema at ${errors[0]!.path}`);
  complaints.errors.push(...errors);
  if (errors.length > 0) return;
  try {
    compileSchema(withoutDialect(mended));
  } catch (error) {
    complaints.add('args_schema', `is no valid JSON schema: ${(error as Error).message}`);
  }
}

/** The dialect's name would be looked up as a schema of its own; a schema's id is no business of validation. */
export function withoutDialect({ $schema: _dialect, $id: _id, ...schema }: JsonObject): JsonObject {
  return schema;
}

/**
 * The schema of the arguments: the caller's own, else what the source says; `parameters` and `param_descriptions` fill in
 * what it leaves open. Endpoints of models take it as it is.
 * @param from the field that `inferred` was read from
 * @throws DomainError `validation_failed` naming the place in the schema that is wrong
 */
export function argumentSchema(
  input: ToolInput,
  inferred: JsonObject | undefined,
  from: 'function_code' | 'config',
): JsonObject {
  const known = isObject(inferred) && from === 'config' ? withoutChoices(inferred) : inferred;
  const base = isObject(input.argsSchema) ? input.argsSchema : schemaOfParameters(input.parameters, known);
  const given = { ...base, type: 'object', properties: describedProperties(input, base) };
  const excess = schemaExcess(given, isObject(input.argsSchema) ? 'args_schema' : 'parameters');
  if (excess) throw invalidFields([excess]);
  const schema = mendSchema(given);
  throwIfInvalid(
    schemaComplaints(schema, 'schema').map(({ path, message }) => ({
      path: path.replace(/^schema(\.properties)?/, (all) => fieldOf(input, from, all)),
      message,
    })),
  );
  return schema;
}

function describedProperties(input: ToolInput, base: JsonObject): JsonObject {
  const texts = isObject(input.paramDescriptions) ? input.paramDescriptions : {};
  const known = isObject(base.properties) ? base.properties : {};
  for (const [name, text] of Object.entries(texts)) {
    if (!Object.hasOwn(known, name))
      throw invalid(`param_descriptions.${name}`, 'is no parameter of the tool');
    if (typeof text !== 'string') throw invalid(`param_descriptions.${name}`, 'must be a text');
  }
  return Object.fromEntries(
    Object.entries(known).map(([name, schema]) => {
      const text = Object.hasOwn(texts, name) ? texts[name] : undefined;
      return [name, typeof text === 'string' && isObject(schema) ? { ...schema, description: text } : schema];
    }),
  );
}

/** Where the caller wrote what stands at the beginning of a path into the schema. */
function fieldOf(input: ToolInput, from: string, at: string): string {
  if (isObject(input.argsSchema)) return at.replace('schema', 'args_schema');
  if (!isObject(input.parameters) || Object.keys(input.parameters).length === 0)
    return at.replace('schema', from);
  return isSchema(input.parameters) ? at.replace('schema', 'parameters') : 'parameters';
}

const isSchema = (parameters: JsonObject): boolean =>
  parameters.type === 'object' && isObject(parameters.properties);

/** Names of types that people who write Python give their parameters. */
const PYTHON_KINDS: Record<string, string> = {
  str: 'string',
  int: 'integer',
  float: 'number',
  bool: 'boolean',
  list: 'array',
  dict: 'object',
  None: 'null',
};

/** `parameters` is a JSON schema, or metadata by parameter name: `{name: {type, description, required}}`. */
function schemaOfParameters(parameters: JsonValue | undefined, inferred: JsonObject | undefined): JsonObject {
  const fallback = inferred ?? { type: 'object', properties: {} };
  if (!isObject(parameters) || Object.keys(parameters).length === 0) return fallback;
  if (isSchema(parameters)) return parameters;
  const known = isObject(fallback.properties) ? fallback.properties : {};
  const properties: JsonObject = { ...known };
  for (const [name, value] of Object.entries(parameters)) {
    const before = isObject(known[name]) ? known[name] : {};
    if (typeof value === 'string') properties[name] = { ...before, description: value };
    else if (isObject(value)) {
      const { required: _, ...rest } = value;
      const { type } = rest;
      const kind = typeof type === 'string' && Object.hasOwn(PYTHON_KINDS, type) ? PYTHON_KINDS[type] : type;
      properties[name] = { ...before, ...rest, ...(kind === undefined ? {} : { type: kind }) };
    }
  }
  return { ...fallback, properties };
}

/** What is absent stays; a null resets where nothing is a meaning. */
export function rowChanges(input: ToolInput): Partial<ToolRecord> {
  const row: Partial<ToolRecord> = {};
  if (present(input.description)) row.description = input.description;
  if (present(input.tags)) row.tags = input.tags;
  for (const key of ['group', 'icon', 'iconType', 'iconColor', 'iconVariant'] as const)
    if (input[key] !== undefined) row[key] = input[key];
  for (const key of ['requireApproval', 'idempotent', 'supportsPreview'] as const)
    if (present(input[key])) row[key] = input[key];
  for (const key of [
    'approvalTimeoutSeconds',
    'executionTimeout',
    'maxRetries',
    'retryDelay',
    'backoffFactor',
  ] as const)
    if (present(input[key])) row[key] = input[key];
  if (input.llmUsage !== undefined) row.llmUsage = input.llmUsage;
  return row;
}

export const present = <T>(value: T | null | undefined): value is T => value !== undefined && value !== null;

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  value !== undefined && value !== null && typeof value === 'object' && !Array.isArray(value);
