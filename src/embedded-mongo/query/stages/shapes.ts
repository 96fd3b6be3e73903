import type { Document } from 'bson';
import { QueryError } from '../errors';
import { Long, getField, isDocument, isNullish, setField } from '../bson-types';
import { compileExpression, parsePath, scopeFor } from '../expression';
import { gathered, PAUSE, type StageDefinition } from './core';

/** A copy of a document with a value at a dotted path, containers on the way copied too. */
export function withValue(doc: Document, parts: string[], value: unknown): Document {
  const [head, ...rest] = parts as [string, ...string[]];
  const result: Document = { ...doc };
  const inner = getField(doc, head);
  setField(result, head, rest.length === 0 ? value : withValue(isDocument(inner) ? inner : {}, rest, value));
  return result;
}

interface UnwindSpec {
  parts: string[];
  index?: string;
  preserve: boolean;
}

function parseUnwind(operand: unknown): UnwindSpec {
  const spec = typeof operand === 'string' ? { path: operand } : operand;
  if (!isDocument(spec))
    throw new QueryError(
      15981,
      `expected either a string or an object as specification for $unwind stage, got ${typeof operand}`,
    );
  const { path, includeArrayIndex, preserveNullAndEmptyArrays } = spec;
  const unknown = Object.keys(spec).find(
    (key) => !['path', 'includeArrayIndex', 'preserveNullAndEmptyArrays'].includes(key),
  );
  if (unknown !== undefined) throw new QueryError(28811, `unrecognized option to $unwind stage: ${unknown}`);
  if (path === undefined) throw new QueryError(28812, 'no path specified to $unwind stage');
  if (typeof path !== 'string')
    throw new QueryError(28808, `expected a string as the path for $unwind stage, got ${typeof path}`);
  if (!path.startsWith('$'))
    throw new QueryError(28818, `path option to $unwind stage should be prefixed with a '$': ${path}`);
  if (preserveNullAndEmptyArrays !== undefined && typeof preserveNullAndEmptyArrays !== 'boolean') {
    throw new QueryError(
      28809,
      'expected a boolean for the preserveNullAndEmptyArrays option to $unwind stage',
    );
  }
  if (
    includeArrayIndex !== undefined &&
    (typeof includeArrayIndex !== 'string' || includeArrayIndex === '')
  ) {
    throw new QueryError(
      28810,
      'expected a non-empty string for the includeArrayIndex option to $unwind stage',
    );
  }
  if (typeof includeArrayIndex === 'string' && includeArrayIndex.startsWith('$')) {
    throw new QueryError(
      28822,
      `includeArrayIndex option to $unwind stage should not be prefixed with a '$': ${includeArrayIndex}`,
    );
  }
  return {
    parts: parsePath(path.slice(1)),
    index: includeArrayIndex as string | undefined,
    preserve: preserveNullAndEmptyArrays === true,
  };
}

/** `$unwind` does not look into arrays on the way: a path through one leads nowhere. */
function plainPath(doc: Document, parts: string[]): unknown {
  let at: unknown = doc;
  for (const part of parts) {
    if (!isDocument(at)) return undefined;
    at = getField(at, part);
  }
  return at;
}

function withoutField(doc: Document, parts: string[]): Document {
  const [head, ...rest] = parts as [string, ...string[]];
  const result: Document = { ...doc };
  if (rest.length === 0) delete result[head];
  else if (isDocument(doc[head])) result[head] = withoutField(doc[head], rest);
  return result;
}

const unwind: StageDefinition = (operand) => {
  const { parts, index, preserve } = parseUnwind(operand);
  const indexed = (doc: Document, position: unknown): Document =>
    index === undefined ? doc : withValue(doc, index.split('.'), position);
  return function* (docs) {
    for (const doc of docs) {
      if (doc === PAUSE) {
        yield doc;
        continue;
      }
      const value = plainPath(doc, parts);
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i += 1)
          yield indexed(withValue(doc, parts, value[i]), Long.fromNumber(i));
        if (value.length === 0 && preserve) yield indexed(withoutField(doc, parts), null);
      } else if (!isNullish(value) || preserve) yield indexed(doc, null);
    }
  };
};

const facet: StageDefinition = (operand, run) => {
  if (!isDocument(operand))
    throw new QueryError(
      40169,
      `the $facet specification must be a non-empty object, but found: ${JSON.stringify(operand)}`,
    );
  const entries = Object.entries(operand);
  if (entries.length === 0)
    throw new QueryError(40169, 'the $facet specification must be a non-empty object');
  const stages = entries.map(([name, pipeline]) => {
    if (!Array.isArray(pipeline))
      throw new QueryError(40170, `arguments to $facet must be arrays, ${name} is type ${typeof pipeline}`);
    const nested = (pipeline as Document[]).find(
      (stage) => isDocument(stage) && ['$facet', '$out', '$merge', '$documents'].some((key) => key in stage),
    );
    if (nested)
      throw new QueryError(
        40600,
        `${Object.keys(nested)[0]} is not allowed to be used within a $facet stage`,
      );
    return [name, run.compile(pipeline as Document[], run.variables)] as const;
  });
  return function* (docs) {
    const rows = yield* gathered(docs);
    const result: Document = {};
    for (const [name, stage] of stages) setField(result, name, yield* gathered(stage(rows)));
    yield result;
  };
};

const redact: StageDefinition = (operand, run) => {
  const evaluate = compileExpression(operand, Object.keys(run.variables));
  const inspect = (doc: Document, root: Document): Document | undefined => {
    const decision = evaluate({ ...scopeFor(root, run.context.now, run.variables), current: doc });
    if (decision === '$$KEEP') return doc;
    if (decision === '$$PRUNE') return undefined;
    if (decision !== '$$DESCEND')
      throw new QueryError(17053, '$redact must evaluate to one of $$DESCEND, $$PRUNE, or $$KEEP');
    const result: Document = {};
    for (const key of Object.keys(doc)) {
      const value = descend(getField(doc, key), root);
      if (value !== undefined) setField(result, key, value);
    }
    return result;
  };
  const descend = (value: unknown, root: Document): unknown => {
    if (Array.isArray(value))
      return value.map((element) => descend(element, root)).filter((element) => element !== undefined);
    return isDocument(value) ? inspect(value, root) : value;
  };
  return function* (docs) {
    for (const doc of docs) {
      const kept = doc === PAUSE ? doc : inspect(doc, doc);
      if (kept !== undefined) yield kept;
    }
  };
};

export const SHAPE_STAGES: Record<string, StageDefinition> = {
  $unwind: unwind,
  $facet: facet,
  $redact: redact,
};
