import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { addExamples } from './examples';
import { declaredRefs } from './refs';
import { FacadeError, type JsonTree, type OpenApiDocument } from './types';

export const HTTP_METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'] as const;

const SHARED_FILE = '_shared.yaml';
const EXAMPLES_FILE = '_examples.yaml';
const isGroup = (file: string): boolean => !file.startsWith('_');

export interface Bundle {
  document: OpenApiDocument;
  /** Path template -> the group (file stem) that declares it. */
  groupOf: Map<string, string>;
}

function readGroup(directory: string, file: string, findings: string[]): JsonTree {
  const path = join(directory, file);
  try {
    // The build writes each file as JSON too, which is parsed a hundred times faster.
    if (existsSync(`${path}.json`)) return JSON.parse(readFileSync(`${path}.json`, 'utf8'));
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a built server never needs it
    const { parse } = require('yaml') as typeof import('yaml');
    return parse(readFileSync(path, 'utf8')) ?? {};
  } catch (error) {
    findings.push(`${file} is not readable YAML: ${(error as Error).message}`);
    return {};
  }
}

function mergeComponents(into: OpenApiDocument, from: JsonTree, file: string, findings: string[]): void {
  for (const [kind, entries] of Object.entries<Record<string, JsonTree>>(from ?? {})) {
    const known = (into.components[kind] ??= {});
    for (const [name, entry] of Object.entries(entries ?? {})) {
      if (name in known) findings.push(`${file}: components.${kind}.${name} is declared twice.`);
      known[name] = entry;
    }
  }
}

/**
 * Merges `_shared.yaml`, the examples of `_examples.yaml` and every group's file into one OpenAPI 3.1.0 document, `x-agentflow` included.
 * @param directory the folder of the YAML files
 * @throws FacadeError when a path, component or operationId is declared twice, or a file or reference cannot be read
 */
export function bundleOpenApi(directory: string): Bundle {
  const findings: string[] = [];
  const files = readdirSync(directory)
    .filter((file) => file.endsWith('.yaml'))
    .sort();
  const shared = files.includes(SHARED_FILE) ? readGroup(directory, SHARED_FILE, findings) : {};
  const document: OpenApiDocument = {
    openapi: '3.1.0',
    info: shared.info ?? { title: 'AgentFlow', version: '0.0.0' },
    ...(shared.servers ? { servers: shared.servers } : {}),
    ...(shared.security ? { security: shared.security } : {}),
    tags: [...(shared.tags ?? [])],
    paths: {},
    components: {},
  };
  mergeComponents(document, shared.components, SHARED_FILE, findings);
  const groupOf = new Map<string, string>();
  for (const file of files.filter(isGroup)) {
    const group = readGroup(directory, file, findings);
    document.tags!.push(...(group.tags ?? []));
    for (const [path, item] of Object.entries<Record<string, JsonTree>>(group.paths ?? {})) {
      if (path in document.paths) findings.push(`${file}: path ${path} is declared twice.`);
      document.paths[path] = item;
      groupOf.set(path, file.replace(/\.yaml$/, ''));
    }
    mergeComponents(document, group.components, file, findings);
  }
  if (files.includes(EXAMPLES_FILE))
    findings.push(...addExamples(document, readGroup(directory, EXAMPLES_FILE, findings)));
  findings.push(...checkReferences(document), ...checkOperationIds(document));
  if (findings.length > 0) throw new FacadeError(findings);
  return { document, groupOf };
}

function checkReferences(document: OpenApiDocument): string[] {
  return [...declaredRefs(document, document)]
    .filter(([, found]) => !found)
    .map(([ref]) => `Reference ${ref} leads nowhere.`);
}

function checkOperationIds(document: OpenApiDocument): string[] {
  const findings: string[] = [];
  const seen = new Map<string, string>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of HTTP_METHODS) {
      const id: string | undefined = item[method]?.operationId;
      if (id === undefined) continue;
      if (seen.has(id))
        findings.push(`operationId ${id} is used by ${seen.get(id)} and by ${method} ${path}.`);
      seen.set(id, `${method} ${path}`);
    }
  }
  return findings;
}

/**
 * The document as clients see it: without the facade's own extension, and with the defaults of optional fields as text, since
 * generators of clients take a field with a default for one that is always there.
 */
export function publicDocument(document: OpenApiDocument): OpenApiDocument {
  return JSON.parse(
    JSON.stringify(document, (key, value: unknown) => {
      if (key === 'x-agentflow') return undefined;
      return key === 'properties' && isTree(value) ? tellDefaults(value) : value;
    }),
  ) as OpenApiDocument;
}

const isTree = (value: unknown): value is Record<string, JsonTree> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const tellDefaults = (properties: Record<string, JsonTree>): Record<string, JsonTree> =>
  Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => {
      if (!isTree(schema) || schema.default === undefined) return [name, schema];
      const { default: preset, description, ...rest } = schema as JsonTree;
      const told = `Default: \`${String(preset)}\`.`;
      return [name, { ...rest, description: description ? `${description} ${told}` : told }];
    }),
  );

/** Writes the bundled public document to a file, `dist/openapi.json` for instance. @throws FacadeError as `bundleOpenApi` */
export function writeOpenApi(directory: string, file: string): void {
  const { document } = bundleOpenApi(directory);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(publicDocument(document), null, 2)}\n`);
}

/** A document with these paths only, and only the components that they reach. */
export function sliceDocument(document: OpenApiDocument, paths: ReadonlySet<string>): OpenApiDocument {
  const slice: OpenApiDocument = {
    openapi: document.openapi,
    info: document.info,
    paths: {},
    components: {},
  };
  for (const path of paths) slice.paths[path] = document.paths[path]!;
  for (const [ref] of declaredRefs(slice.paths, document)) {
    const [, , kind, name] = ref.split('/');
    if (kind && name) (slice.components[kind] ??= {})[name] = document.components[kind]?.[name];
  }
  return slice;
}
