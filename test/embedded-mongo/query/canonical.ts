import { EJSON, deserialize, serialize } from 'bson';
import type { Document } from 'bson';

/** A document as the server sees it: decoded from BSON with every number type kept. */
export const stored = <T extends Document>(doc: T): Document =>
  deserialize(serialize(doc), { promoteValues: false });

/** Text that is the same exactly when two values have the same BSON: types and key order included. */
export const canonical = (value: unknown): string => EJSON.stringify(stored({ value }), { relaxed: false });
