import type { Document } from 'bson';
import { notSupported } from './errors';

export function compileJsonSchema(_schema: unknown): (doc: Document) => boolean {
  throw notSupported('$jsonSchema');
}
