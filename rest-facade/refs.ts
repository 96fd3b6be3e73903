import { resolveRef } from './schemas';
import type { JsonTree, OpenApiDocument } from './types';

/**
 * Every `$ref` that a tree reaches, through the references themselves too.
 * @returns reference -> whether it leads somewhere
 */
export function declaredRefs(tree: JsonTree, document: OpenApiDocument): Map<string, boolean> {
  const found = new Map<string, boolean>();
  const visit = (node: JsonTree): void => {
    if (typeof node !== 'object' || node === null) return;
    if (typeof node.$ref === 'string' && !found.has(node.$ref)) {
      const target = follow(node.$ref, document);
      found.set(node.$ref, target !== undefined);
      visit(target);
    }
    for (const value of Object.values(node)) visit(value);
  };
  visit(tree);
  return found;
}

function follow($ref: string, document: OpenApiDocument): JsonTree {
  try {
    return resolveRef(document, { $ref });
  } catch {
    // The caller reports it, with all the others.
    return undefined;
  }
}
