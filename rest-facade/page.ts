import { invalid } from '../src/errors';

const DEFAULT_LIMIT = 50;
const CURSOR = /^p(\d{1,9})$/;

/** A part of a list that has no pages of its own. */
export interface ListPage {
  items: unknown[];
  /** Entries of the whole list. */
  total: number;
  /** Where the next one begins, if there is one. */
  next: string | undefined;
}

/**
 * The page of a whole list that the query asks for: all of it where it asks for none.
 * @param query validated: `limit` is a whole number from 1
 * @throws DomainError `validation_failed` for a cursor that is none of these lists
 */
export function pageOf(items: unknown[], { limit, cursor }: { limit?: number; cursor?: string }): ListPage {
  const total = items.length;
  if (limit === undefined && cursor === undefined) return { items, total, next: undefined };
  const from = cursor === undefined ? 0 : placeOf(cursor);
  const end = from + (limit ?? DEFAULT_LIMIT);
  const next = end < total ? cursorAt(end) : undefined;
  return { items: items.slice(from, end), total, next };
}

const cursorAt = (place: number): string => Buffer.from(`p${place}`).toString('base64url');

function placeOf(cursor: string): number {
  const match = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (!match) throw invalid('cursor', 'is no cursor of this list; take the one of the Link header as it is');
  return Number(match[1]);
}
