import type { JsonTree, OpenApiDocument } from './types';
import { toCamel } from './names';

/** Follows `$ref`s inside the document. @throws Error naming a reference that leads nowhere */
export function resolveRef(document: OpenApiDocument, node: JsonTree): JsonTree {
  let current = node;
  for (let hops = 0; current && typeof current === 'object' && typeof current.$ref === 'string'; hops++) {
    const ref: string = current.$ref;
    if (hops > 50 || !ref.startsWith('#/')) throw new Error(`Unusable reference ${ref}.`);
    current = ref
      .slice(2)
      .split('/')
      .reduce((value, part) => value?.[part.replace(/~1/g, '/').replace(/~0/g, '~')], document as JsonTree);
    if (current === undefined) throw new Error(`Reference ${ref} leads nowhere.`);
  }
  return current;
}

/** The schema and every schema that `allOf`, `anyOf` and `oneOf` add to it, with references followed. */
function alternatives(document: OpenApiDocument, schema: JsonTree, seen = new Set<JsonTree>()): JsonTree[] {
  const resolved = resolveRef(document, schema);
  if (!resolved || typeof resolved !== 'object' || seen.has(resolved)) return [];
  seen.add(resolved);
  const parts = [resolved.allOf, resolved.anyOf, resolved.oneOf].flatMap((list) =>
    Array.isArray(list) ? list : [],
  );
  return [resolved, ...parts.flatMap((part) => alternatives(document, part, seen))];
}

/** Every property that an object schema declares, over all its parts; empty for free-form data. */
export function declaredProperties(document: OpenApiDocument, schema: JsonTree): Map<string, JsonTree> {
  const properties = new Map<string, JsonTree>();
  if (!schema) return properties;
  for (const part of alternatives(document, schema)) {
    for (const [name, property] of Object.entries(part.properties ?? {})) {
      if (!properties.has(name)) properties.set(name, property);
    }
  }
  return properties;
}

/** The schema of an array's elements, wherever in the schema's parts it is said. */
export function itemSchema(document: OpenApiDocument, schema: JsonTree): JsonTree {
  if (!schema) return undefined;
  return alternatives(document, schema).find((part) => part.items)?.items;
}

/** JSON types that a schema admits: `['string', 'null']`. */
export function typesOf(document: OpenApiDocument, schema: JsonTree): string[] {
  if (!schema) return [];
  return alternatives(document, schema).flatMap((part) =>
    part.type === undefined ? [] : [part.type].flat(),
  );
}

/** Declared names by their camelCase form, so that the document decides how a field is spelled on the wire. */
export function wireNames(
  document: OpenApiDocument,
  schema: JsonTree,
): Map<string, { name: string; schema: JsonTree }> {
  const names = new Map<string, { name: string; schema: JsonTree }>();
  for (const [name, property] of declaredProperties(document, schema))
    names.set(toCamel(name), { name, schema: property });
  return names;
}
