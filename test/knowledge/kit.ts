import { eventually } from '../testkit/server';
import type { Answer, Client, Json } from '../testkit/server';

const BASES = '/api/v1/knowledge-bases';

export interface TestFile {
  name: string;
  content: string | Uint8Array;
  type?: string;
}

/** Sends a multipart form. */
export async function sendForm(
  client: Client,
  route: string,
  fields: Record<string, string>,
  files: TestFile[],
  part = 'files',
  headers: Record<string, string> = {},
): Promise<Answer> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const { name, content, type } of files)
    form.append(part, new Blob([content as never], { type: type ?? 'application/octet-stream' }), name);
  const response = await fetch(client.url + route, {
    method: 'POST',
    body: form,
    headers: { ...headers, ...(client.token ? { authorization: `Bearer ${client.token}` } : {}) },
  });
  const text = await response.text();
  const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

const ENDED = new Set(['completed', 'failed', 'cancelled']);

let counter = 0;
export const freshName = (what = 'base'): string => `${what}-${process.pid}-${++counter}`;

/** A base with these files, ingested. */
export async function makeBase(
  client: Client,
  files: TestFile[],
  fields: Record<string, string> = {},
): Promise<Json> {
  const answer = await sendForm(client, BASES, { name: freshName(), ...fields }, files);
  expect(answer.body).toMatchObject({ status: 'completed' });
  return answer.body;
}

/** Waits for the end of an ingestion. */
export async function finished(client: Client, jobId: string): Promise<Json> {
  return eventually(
    async () => {
      const { status, body } = await client.rest('GET', `/api/v1/batches/${jobId}`);
      expect(status).toBe(200);
      return ENDED.has(body.status) && body;
    },
    `the end of ${jobId}`,
    60_000,
  );
}

export const PIRATES: TestFile = {
  name: 'pirates.md',
  content:
    "# Pirates\n\nBlackbeard sailed the Caribbean with the Queen Anne's Revenge.\n\n## Treasure\n\nLegends tell of gold buried on remote islands, marked with a cross on old maps.\n",
  type: 'text/markdown',
};

export const BAKING: TestFile = {
  name: 'baking.md',
  content:
    '# Baking bread\n\nSourdough needs flour, water, salt and patience.\n\n## Oven\n\nBake at 230 degrees for forty minutes until the crust is dark.\n',
  type: 'text/markdown',
};

export const SPACE: TestFile = {
  name: 'space.txt',
  content:
    'The Voyager probes left the solar system decades after their launch.\n\nRockets burn hydrogen and oxygen to reach orbit.\n',
  type: 'text/plain',
};
