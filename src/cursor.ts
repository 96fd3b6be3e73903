import { invalid } from './errors';

/** A position in a list ordered newest first, as clients carry it: opaque to them. */
export const encodeCursor = (row: { at: Date; id: string }): string =>
  Buffer.from(JSON.stringify([row.at.getTime(), row.id])).toString('base64url');

/** @throws DomainError `validation_failed` naming `cursor` */
export function decodeCursor(cursor: string): { at: Date; id: string } {
  const bad = () =>
    invalid('cursor', 'is no cursor of this list; take next_cursor of an earlier page as it is');
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw bad();
    throw error;
  }
  if (!Array.isArray(value) || typeof value[0] !== 'number' || typeof value[1] !== 'string') throw bad();
  const at = new Date(value[0]);
  if (Number.isNaN(at.getTime())) throw bad();
  return { at, id: value[1] };
}

export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 100;

export interface PageArguments {
  limit?: number | null;
  offset?: number | null;
  cursor?: string | null;
}

/** Splits rows that were read with one more than `limit`: the page, and whether there is another one. */
export function cut<T>(rows: T[], limit: number): { rows: T[]; more: boolean } {
  return { rows: rows.slice(0, limit), more: rows.length > limit };
}

/** @throws DomainError `validation_failed` naming the bad argument */
export function toPage(page: PageArguments): {
  limit: number;
  offset: number;
  after?: { at: Date; id: string };
} {
  const limit = page.limit ?? DEFAULT_PAGE_SIZE;
  const offset = page.offset ?? 0;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_SIZE)
    throw invalid('limit', `must be between 1 and ${MAX_PAGE_SIZE}, is ${limit}`);
  if (!Number.isInteger(offset) || offset < 0) throw invalid('offset', `must be 0 or more, is ${offset}`);
  return page.cursor ? { limit, offset, after: decodeCursor(page.cursor) } : { limit, offset };
}
