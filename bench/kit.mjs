/** What several measurements share. */

/** As many files as one request may bring. */
const FILES_OF_A_REQUEST = 100;

export const PRINCIPAL = { type: 'human', tenant: 'bench', userId: 'bench', scopes: [], isAdmin: false };

export const silent = {
  debug() {},
  info() {},
  warn() {},
  error: console.error,
  child: () => silent,
};

let seed = 1;
/** Mulberry32: the same numbers in every run. */
export function random() {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

export const batchesOf = (files) =>
  Array.from({ length: Math.ceil(files.length / FILES_OF_A_REQUEST) }, (_, index) =>
    files.slice(index * FILES_OF_A_REQUEST, (index + 1) * FILES_OF_A_REQUEST),
  );

/** Resolves at the end of an ingestion job. @throws Error when one of its files failed */
export async function ended(jobs, jobId) {
  let last;
  for await (const view of await jobs.progress(PRINCIPAL, jobId)) last = view;
  if (last.job.completed !== last.job.total) throw new Error(`${jobId}: ${last.job.error ?? 'files failed'}`);
}
