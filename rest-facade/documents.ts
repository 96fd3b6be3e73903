import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  GraphQLError,
  Kind,
  parse,
  print,
  separateOperations,
  Source,
  validate,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { FacadeError, type PreparedOperation } from './types';

export interface OperationText {
  /** Where the text comes from, for messages: `agents.graphql`. */
  name: string;
  text: string;
}

/** Reads every `*.graphql` file of a folder, in the order of their names. */
export function readOperationTexts(directory: string): OperationText[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.graphql'))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') }));
}

const parseText = ({ name, text }: OperationText, findings: string[]): DocumentNode[] => {
  if (text.replace(/#[^\n]*/g, '').trim() === '') return [];
  try {
    return [parse(new Source(text, name))];
  } catch (error) {
    findings.push(describe(error));
    return [];
  }
};

function describe(error: unknown): string {
  if (!(error instanceof GraphQLError)) return String(error);
  const place =
    error.source && error.locations?.[0] ? ` (${error.source.name}:${error.locations[0].line})` : '';
  return `${error.message}${place}`;
}

/**
 * Parses and validates the facade's documents against the schema, all files together so that fragments can be shared.
 * @returns operations by name
 * @throws FacadeError with every finding: syntax, validation, an operation without a name or with a taken one
 */
export function prepareOperations(
  schema: GraphQLSchema,
  texts: OperationText[],
): Map<string, PreparedOperation> {
  const findings: string[] = [];
  const definitions = texts
    .flatMap((text) => parseText(text, findings))
    .flatMap((parsed) => parsed.definitions);
  const merged: DocumentNode = { kind: Kind.DOCUMENT, definitions };
  const operations = definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
  for (const node of operations) {
    if (!node.name) findings.push(`An operation in ${node.loc?.source.name ?? 'a document'} has no name.`);
  }
  findings.push(...(definitions.length > 0 ? validate(schema, merged).map(describe) : []));
  if (findings.length > 0) throw new FacadeError(findings);

  const prepared = new Map<string, PreparedOperation>();
  for (const [name, document] of Object.entries(separateOperations(merged))) {
    const definition = document.definitions.find(
      (node): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION,
    )!;
    prepared.set(name, { name, kind: definition.operation, document, definition, source: print(document) });
  }
  return prepared;
}
