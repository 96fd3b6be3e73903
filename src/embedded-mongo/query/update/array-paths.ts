import type { Document } from 'bson';
import { badValue, failedToParse } from '../errors';
import { isDocument } from '../bson-types';
import { compileFilter } from '../filter';
import type { Draft } from './draft';

/** Tests one array element against the array filter of an identifier. */
export type ElementFilter = (element: unknown) => boolean;

const IDENTIFIER = /^[a-z][a-zA-Z0-9]*$/;

/** The one top-level field name (before the first dot) an array filter speaks about. */
function identifierOf(filter: Document): string {
  const names = new Set<string>();
  const visit = (clause: Document): void => {
    for (const [name, operand] of Object.entries(clause)) {
      if (['$and', '$or', '$nor'].includes(name) && Array.isArray(operand))
        (operand as Document[]).forEach(visit);
      else names.add(name.split('.')[0]!);
    }
  };
  visit(filter);
  const [identifier, other] = [...names];
  if (identifier === undefined)
    throw failedToParse('Cannot use an expression without a top-level field name in arrayFilters');
  if (other !== undefined) {
    throw failedToParse(
      `Error parsing array filter :: caused by :: Expected a single top-level field name, found '${identifier}' and '${other}'`,
    );
  }
  if (!IDENTIFIER.test(identifier)) {
    throw badValue(
      `Error parsing array filter :: caused by :: The top-level field name must be an alphanumeric string beginning with a lowercase letter, found '${identifier}'`,
    );
  }
  return identifier;
}

export function parseArrayFilters(arrayFilters: Document[] = []): Map<string, ElementFilter> {
  const result = new Map<string, ElementFilter>();
  for (const filter of arrayFilters) {
    if (!isDocument(filter)) throw failedToParse('each of arrayFilters must be a document');
    const identifier = identifierOf(filter);
    if (result.has(identifier)) {
      throw failedToParse(`Found multiple array filters with the same top-level field name ${identifier}`);
    }
    const matches = compileFilter(filter);
    result.set(identifier, (element) => matches({ [identifier]: element }));
  }
  return result;
}

/** What `$` and `$[identifier]` of a path stand for in the document at hand. */
export interface Positions {
  filters: Map<string, ElementFilter>;
  matched: (arrayPath: string) => number | undefined;
}

export const isPositional = (part: string): boolean => part === '$' || /^\$\[.*\]$/.test(part);

function elementsOf(draft: Draft, parts: string[]): unknown[] {
  const value = draft.get(parts);
  if (value === undefined) {
    throw badValue(
      `The path '${parts.join('.')}' must exist in the document in order to apply array updates.`,
    );
  }
  if (!Array.isArray(value))
    throw badValue(`Cannot apply array updates to non-array element ${parts.join('.')}`);
  return value;
}

/** The concrete paths a path with positional parts stands for; one without stands for itself. */
export function expandPath(draft: Draft, parts: string[], positions: Positions): string[][] {
  const at = parts.findIndex(isPositional);
  if (at < 0) return [parts];
  const [head, part, tail] = [parts.slice(0, at), parts[at]!, parts.slice(at + 1)];
  if (part === '$') {
    const index = positions.matched(head.join('.'));
    if (index === undefined)
      throw badValue('The positional operator did not find the match needed from the query.');
    return expandPath(draft, [...head, String(index), ...tail], positions);
  }
  const identifier = part.slice(2, -1);
  const test = identifier === '' ? () => true : positions.filters.get(identifier)!;
  return elementsOf(draft, head).flatMap((element, index) =>
    test(element) ? expandPath(draft, [...head, String(index), ...tail], positions) : [],
  );
}
