/** Runs in a thread of its own: YAML of strangers can take minutes to read. */
import { parse } from 'yaml';
import { serveTasks } from '../../threads/serve';

/** Aliases of one anchor that are followed; a document may otherwise unfold to gigabytes. */
const MOST_ALIASES = 100;
/** Characters of the JSON that a document becomes; what is sent to the main thread is built there anew. */
const MOST_CHARACTERS = 20 * 1024 * 1024;

serveTasks((text: string): unknown => {
  const document: unknown = parse(text, { maxAliasCount: MOST_ALIASES, logLevel: 'silent' });
  // Sent as text: it shares nothing, refers to nothing above it, and holds what JSON can hold.
  const json = JSON.stringify(document);
  if (json !== undefined && json.length > MOST_CHARACTERS)
    throw new Error(`the document becomes more than ${MOST_CHARACTERS} characters`);
  return json;
});
