import type * as acorn from 'acorn';
import type { JsonObject } from '../../ports/records';
import type { SourceFacts } from '../../ports/sandbox';

/** What a source of JavaScript says of itself, or what is wrong with it and where. */
export type JavaScriptFacts =
  (SourceFacts & { parameterNames: string[] | null }) | { problem: string; line: number | null };

type FunctionNode = acorn.FunctionDeclaration | acorn.FunctionExpression | acorn.ArrowFunctionExpression;

interface Found {
  name: string;
  node: FunctionNode;
  start: number;
}

/**
 * Reads the source without running it: exactly one top-level function, declared or assigned to a constant.
 * The schema comes from parameter names, defaults and JSDoc (`@param {type} name - text`, `[name]` for an optional one).
 */
export function inspectJavaScript(source: string): JavaScriptFacts {
  const comments: acorn.Comment[] = [];
  const parsed = parse(source, comments);
  if ('problem' in parsed) return parsed;
  const functions = parsed.body.flatMap(functionsOf);
  if (functions.length !== 1) {
    const names = functions.map(({ name }) => name).join(', ') || 'none';
    return {
      problem: `must hold exactly one top-level function, holds ${functions.length} (${names})`,
      line: functions[1]?.node.loc?.start.line ?? null,
    };
  }
  const [found] = functions as [Found];
  const doc = docBefore(comments, source, found.start);
  const { names, schema } = parametersOf(found.node, documented(doc));
  return {
    language: 'javascript',
    functionName: found.name,
    isAsync: found.node.async,
    parameters: schema,
    parameterNames: names,
    description: descriptionOf(doc),
  };
}

function parse(
  source: string,
  comments: acorn.Comment[],
): acorn.Program | { problem: string; line: number | null } {
  const { parse: parseScript } = require('acorn') as typeof acorn;
  try {
    return parseScript(source, {
      ecmaVersion: 2023,
      sourceType: 'script',
      locations: true,
      onComment: comments,
    });
  } catch (error) {
    if (error instanceof RangeError) return { problem: 'does not compile: nested too deeply', line: null };
    if (!(error instanceof SyntaxError)) throw error;
    const { loc } = error as SyntaxError & { loc?: { line: number } };
    return {
      problem: `does not compile: ${error.message.replace(/ \(\d+:\d+\)$/, '')}`,
      line: loc?.line ?? null,
    };
  }
}

function functionsOf(statement: acorn.Statement | acorn.ModuleDeclaration): Found[] {
  if (statement.type === 'FunctionDeclaration')
    return [{ name: statement.id.name, node: statement, start: statement.start }];
  if (statement.type !== 'VariableDeclaration') return [];
  return statement.declarations.flatMap(({ id, init }) => {
    const isFunction = init?.type === 'FunctionExpression' || init?.type === 'ArrowFunctionExpression';
    return isFunction && id.type === 'Identifier'
      ? [{ name: id.name, node: init, start: statement.start }]
      : [];
  });
}

interface Documented {
  schema: JsonObject;
  optional: boolean;
}

/** @returns names in order to pass arguments by position; null when one destructured object takes them all */
function parametersOf(
  { params }: FunctionNode,
  texts: Map<string, Documented>,
): { names: string[] | null; schema: JsonObject } {
  const [only] = params;
  if (params.length === 1 && only?.type === 'ObjectPattern')
    return { names: null, schema: ofPattern(only, texts) };
  const properties: JsonObject = {};
  const required: string[] = [];
  const names: string[] = [];
  for (const parameter of params) {
    const target = parameter.type === 'AssignmentPattern' ? parameter.left : parameter;
    if (target.type !== 'Identifier') continue;
    names.push(target.name);
    const fallback = parameter.type === 'AssignmentPattern' ? parameter.right : undefined;
    add(properties, required, target.name, fallback, texts);
  }
  return { names, schema: { type: 'object', properties, required, additionalProperties: false } };
}

function ofPattern(pattern: acorn.ObjectPattern, texts: Map<string, Documented>): JsonObject {
  const properties: JsonObject = {};
  const required: string[] = [];
  let open = false;
  for (const property of pattern.properties) {
    if (property.type === 'RestElement') open = true;
    else if (property.key.type === 'Identifier') {
      const fallback = property.value.type === 'AssignmentPattern' ? property.value.right : undefined;
      add(properties, required, property.key.name, fallback, texts);
    }
  }
  return { type: 'object', properties, required, additionalProperties: open };
}

function add(
  properties: JsonObject,
  required: string[],
  name: string,
  fallback: acorn.Expression | undefined,
  texts: Map<string, Documented>,
): void {
  const documented = texts.get(name);
  const schema: JsonObject = { ...documented?.schema };
  if (fallback?.type === 'Literal' && ['string', 'number', 'boolean'].includes(typeof fallback.value)) {
    schema.default = fallback.value as string | number | boolean;
    schema.type ??= typeof fallback.value;
  } else if (fallback?.type === 'ArrayExpression') schema.type ??= 'array';
  else if (fallback?.type === 'ObjectExpression') schema.type ??= 'object';
  if (!fallback && !documented?.optional) required.push(name);
  Object.defineProperty(properties, name, {
    value: schema,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** The comment that stands right before the function. */
function docBefore(comments: acorn.Comment[], source: string, start: number): string {
  const last = comments.filter(({ end }) => end <= start).at(-1);
  if (last?.type !== 'Block' || source.slice(last.end, start).trim() !== '') return '';
  return last.value.replace(/^\s*\*+ ?/gm, '').trim();
}

const descriptionOf = (doc: string): string | null => {
  const text = doc
    .split(/^\s*@/m)[0]!
    .trim()
    .split(/\n\s*\n/)[0]!
    .replace(/\s+/g, ' ')
    .trim();
  return text === '' ? null : text;
};

function documented(doc: string): Map<string, Documented> {
  const found = new Map<string, Documented>();
  const lines =
    /@param\s+(?:\{([^}]{1,100})\}\s+)?(\[?)(?:\w+\.)?(\w+)(?:\s*=[^\]\n]*)?\]?[ \t]*(?:-[ \t]*)?([^\n]*)/g;
  for (const [, type, bracket, name, text] of doc.matchAll(lines)) {
    const optional = bracket === '[' || type?.endsWith('=') === true;
    found.set(name!, {
      optional,
      schema: { ...typeSchema(type?.replace(/=$/, '')), ...(text ? { description: text.trim() } : {}) },
    });
  }
  return found;
}

const TYPES: Record<string, string> = {
  string: 'string',
  number: 'number',
  integer: 'integer',
  int: 'integer',
  boolean: 'boolean',
  bool: 'boolean',
  object: 'object',
  array: 'array',
};

function typeSchema(type: string | undefined): JsonObject {
  if (type === undefined) return {};
  const items = /^(?:Array<(\w+)>|(\w+)\[\])$/.exec(type);
  if (items) return { type: 'array', items: typeSchema(items[1] ?? items[2]) };
  const known = TYPES[type.toLowerCase()];
  return known ? { type: known } : {};
}
