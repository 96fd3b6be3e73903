'use strict';
const { parse: parseScript } = require('./packages.cjs')('acorn');

/**
 * Reads the source without running it: exactly one top-level function, declared or assigned to a constant.
 * The schema comes from parameter names, defaults and JSDoc (`@param {type} name - text`, `[name]` for an optional one).
 */
function inspectJavaScript(source) {
  const comments = [];
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
  const [found] = functions;
  const problem = problemOf(found.node);
  if (problem) return { problem, line: found.node.loc.start.line };
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

function parse(source, comments) {
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
    const { loc } = error;
    return {
      problem: `does not compile: ${error.message.replace(/ \(\d+:\d+\)$/, '')}`,
      line: loc?.line ?? null,
    };
  }
}

function functionsOf(statement) {
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

/** Arguments come by name: what has none cannot be given. */
function problemOf({ params, generator }) {
  if (generator) return 'must be a function or an async function, not a generator';
  const nameless = params.some((parameter) => targetOf(parameter).type.endsWith('Pattern'));
  if (nameless && params.length > 1)
    return 'parameters are passed by name: take one object apart, or name every parameter';
  if (nameless && targetOf(params[0]).type === 'ArrayPattern')
    return 'parameters are passed by name, not as a list';
  return null;
}

/** The name or pattern, without a default and without the dots of `...rest`. */
function targetOf(parameter) {
  if (parameter.type === 'AssignmentPattern') return parameter.left;
  return parameter.type === 'RestElement' ? parameter.argument : parameter;
}

/** @returns names in order to pass arguments by position (`...rest` as it is); null when one object is taken apart */
function parametersOf({ params }, texts) {
  if (params.length === 1 && targetOf(params[0]).type === 'ObjectPattern')
    return { names: null, schema: ofPattern(targetOf(params[0]), texts) };
  const properties = {};
  const required = [];
  const names = [];
  for (const parameter of params) {
    const { name } = targetOf(parameter);
    const isRest = parameter.type === 'RestElement';
    names.push(isRest ? `...${name}` : name);
    if (isRest) properties[name] = { ...texts.get(name)?.schema, type: 'array' };
    else add(properties, required, { name, fallback: parameter.right, texts });
  }
  return { names, schema: { type: 'object', properties, required, additionalProperties: false } };
}

function ofPattern(pattern, texts) {
  const properties = {};
  const required = [];
  let open = false;
  for (const property of pattern.properties) {
    if (property.type === 'RestElement') open = true;
    else if (property.key.type === 'Identifier') {
      const fallback = property.value.type === 'AssignmentPattern' ? property.value.right : undefined;
      add(properties, required, { name: property.key.name, fallback, texts });
    }
  }
  return { type: 'object', properties, required, additionalProperties: open };
}

function add(properties, required, { name, fallback, texts }) {
  const documented = texts.get(name);
  const schema = { ...documented?.schema };
  const value = fallback && literalOf(fallback);
  if (value !== undefined) {
    schema.default = value;
    if (value !== null && !schema.enum) schema.type ??= Array.isArray(value) ? 'array' : typeof value;
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

/** The value of a default that is written out; undefined for one that is computed. */
function literalOf(node) {
  if (node.type === 'Literal' && !node.regex && typeof node.value !== 'bigint') return node.value;
  if (node.type === 'UnaryExpression' && node.operator === '-' && typeof node.argument.value === 'number')
    return -node.argument.value;
  if (node.type !== 'ArrayExpression') return undefined;
  const values = node.elements.map((element) => (element === null ? undefined : literalOf(element)));
  return values.includes(undefined) ? undefined : values;
}

/** The comment that stands right before the function. */
function docBefore(comments, source, start) {
  const last = comments.filter(({ end }) => end <= start).at(-1);
  if (last?.type !== 'Block' || source.slice(last.end, start).trim() !== '') return '';
  return last.value.replace(/^\s*\*+ ?/gm, '').trim();
}

const descriptionOf = (doc) => {
  const text = doc
    .split(/^\s*@/m)[0]
    .trim()
    .split(/\n\s*\n/)[0]
    .replace(/\s+/g, ' ')
    .trim();
  return text === '' ? null : text;
};
function documented(doc) {
  const found = new Map();
  const lines =
    /@param\s+(?:\{([^}]{1,200})\}\s+)?(\[?)(?:\w+\.)?(\w+)(?:\s*=[^\]\n]*)?\]?[ \t]*(?:-[ \t]*)?([^\n]*)/g;
  for (const [, type, bracket, name, text] of doc.matchAll(lines)) {
    const optional = bracket === '[' || type?.endsWith('=') === true;
    found.set(name, {
      optional,
      schema: { ...typeSchema(type?.replace(/=$/, '')), ...(text ? { description: text.trim() } : {}) },
    });
  }
  return found;
}

const TYPES = {
  string: 'string',
  number: 'number',
  integer: 'integer',
  int: 'integer',
  boolean: 'boolean',
  bool: 'boolean',
  object: 'object',
  array: 'array',
  null: 'null',
};
function typeSchema(type) {
  if (type === undefined) return {};
  const parts = type.split('|').map((part) => part.trim());
  if (parts.every((part) => /^'[^']*'$|^"[^"]*"$/.test(part)))
    return { enum: parts.map((part) => part.slice(1, -1)) };
  const schemas = parts.map(singleSchema);
  if (schemas.length === 1) return schemas[0];
  if (schemas.some(({ type: kind }) => kind === undefined)) return {};
  return schemas.some(({ items }) => items)
    ? { anyOf: schemas }
    : { type: schemas.map(({ type: kind }) => kind) };
}

function singleSchema(type) {
  const items = /^(?:Array<(\w+)>|(\w+)\[\])$/.exec(type);
  if (items) return { type: 'array', items: typeSchema(items[1] ?? items[2]) };
  const known = TYPES[type.toLowerCase()];
  return known ? { type: known } : {};
}

module.exports = { inspectJavaScript };
