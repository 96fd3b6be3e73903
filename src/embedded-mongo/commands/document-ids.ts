/** What may not be an `_id`. */
import type { Document } from 'bson';
import { MongoCommandError } from '../errors';

/** @throws MongoCommandError InvalidIdField for an array, a regular expression or undefined, DollarPrefixedFieldName */
export function checkId(id: unknown): void {
  const refuse = (type: string): never => {
    throw new MongoCommandError('InvalidIdField', `The '_id' value cannot be of type ${type}`);
  };
  if (Array.isArray(id)) refuse('array');
  if (id === undefined) refuse('undefined');
  if (typeof id !== 'object' || id === null) return;
  if (id instanceof RegExp || (id as Document)['_bsontype'] === 'BSONRegExp') refuse('regex');
  const field = dollarField(id);
  if (field === undefined) return;
  throw new MongoCommandError(
    'DollarPrefixedFieldName',
    `_id fields may not contain '$'-prefixed fields: ${field} is not valid for storage.`,
  );
}

/** The first field that begins with a dollar, however deep; a reference (DBRef) is a value of its own type here. */
function dollarField(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || '_bsontype' in value) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    if (name.startsWith('$')) return name;
    const found = dollarField(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}
