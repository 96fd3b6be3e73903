import type { JsonTree, OpenApiDocument } from './types';

/** Forms have no example as a whole: their files are the client's. */
const JSON_MEDIA = 'application/json';

/** An agent that every tenant has. */
const AGENT = 'MainAgent';
const PATH_OF_AGENT = /^\/api\/v1\/agents?\/\{id\}/;

/**
 * Gives each JSON request body its example, and each path of an agent the name of one, so that what a page offers to send works.
 * @param examples request bodies by operationId
 * @returns complaints: an example of no operation, an operation with a JSON body and no example
 */
export function addExamples(document: OpenApiDocument, examples: Record<string, JsonTree>): string[] {
  const findings: string[] = [];
  const left = new Set(Object.keys(examples));
  for (const [path, item] of Object.entries(document.paths)) {
    if (PATH_OF_AGENT.test(path))
      for (const parameter of item.parameters ?? []) if (parameter.name === 'id') parameter.example ??= AGENT;
    for (const operation of Object.values<JsonTree>(item)) {
      const media = operation.requestBody?.content?.[JSON_MEDIA];
      if (!media) continue;
      const id = operation.operationId as string;
      if (!left.delete(id)) findings.push(`${id} has a JSON body and no example.`);
      else media.example = examples[id];
    }
  }
  findings.push(...[...left].map((id) => `There is an example of ${id}, which takes no JSON body.`));
  return findings;
}
