import type { Document } from 'bson';
import { getField, isDocument } from './bson-types';
import { compileFilter } from './filter';
import { isIndex } from './paths';

interface ArrayAt {
  path: string;
  elements: unknown[];
  /** The rest of the path, below the array. */
  rest: string[];
}

/** The first array on the way along a path, a positional part never counting as the way into it. */
function firstArray(doc: Document, path: string): ArrayAt | undefined {
  const parts = path.split('.');
  let at: unknown = doc;
  for (let i = 0; i < parts.length; i += 1) {
    if (!isDocument(at)) return undefined;
    at = getField(at, parts[i]!);
    if (Array.isArray(at)) {
      if (i + 1 < parts.length && isIndex(parts[i + 1]!)) return undefined;
      return { path: parts.slice(0, i + 1).join('.'), elements: at, rest: parts.slice(i + 1) };
    }
  }
  return undefined;
}

/** `$all` holds for the array as a whole; the position it reports is that of any listed element. */
function withoutAll(operand: unknown): unknown {
  if (!isDocument(operand) || !Array.isArray(operand.$all)) return operand;
  const [first] = operand.$all as unknown[];
  if (isDocument(first) && '$elemMatch' in first) return first;
  return { $in: operand.$all as unknown[] };
}

const NEGATIONS = ['$ne', '$nin', '$not', '$exists', '$size'];

function positionFor(
  doc: Document,
  path: string,
  operand: unknown,
): { path: string; index: number } | undefined {
  const array = firstArray(doc, path);
  if (!array) return undefined;
  if (isDocument(operand) && NEGATIONS.includes(Object.keys(operand)[0] ?? '')) return undefined;
  const matches = compileFilter({ [['element', ...array.rest].join('.')]: withoutAll(operand) });
  const index = array.elements.findIndex((element) => matches({ element: [element] }));
  return index < 0 ? undefined : { path: array.path, index };
}

function collect(doc: Document, filter: Document): { path: string; index: number }[] {
  const found: { path: string; index: number }[] = [];
  for (const [name, operand] of Object.entries(filter)) {
    if (name === '$and' && Array.isArray(operand)) {
      for (const clause of operand) found.push(...collect(doc, clause as Document));
    } else if (name === '$or' && Array.isArray(operand)) {
      const branch = (operand as Document[]).find((clause) => compileFilter(clause)(doc));
      if (branch) found.push(...collect(doc, branch));
    } else if (!name.startsWith('$')) {
      const position = positionFor(doc, name, operand);
      if (position) found.push(position);
    }
  }
  return found;
}

/**
 * The position the `$` operator stands for: of the first element of the array at `arrayPath` that satisfies the last
 * filter condition on that array, else of the last condition that met any array (MongoDB keeps one position).
 */
export function matchedPosition(doc: Document, filter: Document, arrayPath: string): number | undefined {
  const found = collect(doc, filter);
  const own = found.filter(({ path }) => path === arrayPath);
  return (own.length > 0 ? own : found).at(-1)?.index;
}
