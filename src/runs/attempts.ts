import type { RunRecord } from '../ports/records';
import { TOOL_CALL_STATUSES } from '../ports/tools';
import type { TenantStore } from '../ports/stores';
import { type Progress, readProgress } from './progress';

/** A run that killed its worker so often without getting anything done is given up, so that it ends at last. */
const MAX_FRUITLESS = 10;
/** No run is worth more restarts of the server, whatever it gets done between them: far above what operations cause. */
const MAX_ATTEMPTS = 1_000;

/** What the run's row remembers of its attempts. */
export type Excuse = Pick<RunRecord, 'excusedAttempts' | 'progressAt'>;

/** An attempt that an orderly stop of the server ended says nothing against the run. */
export const excusedOnce = (run: RunRecord): Excuse => ({ excusedAttempts: (run.excusedAttempts ?? 0) + 1 });

const fruitless = (run: RunRecord): number => run.attempts - 1 - (run.excusedAttempts ?? 0);

/**
 * Attempts start to count afresh when the run stored something since it was last looked at: parts, calls, receipts, decisions.
 * The first interruption needs no look, which spares the usual case the write.
 * @returns what the row must remember; undefined when nothing changed
 */
export async function newExcuse(
  store: TenantStore,
  run: RunRecord,
  progress: Progress,
  now: Date,
): Promise<Excuse | undefined> {
  if (fruitless(run) < 2) return undefined;
  const since = run.progressAt ?? run.createdAt;
  const grew =
    (progress.newestAt ?? since) > since ||
    // Sub-agents and receipts are asked for before the run is given up only.
    (fruitless(run) >= MAX_FRUITLESS && (await treeGrew(store, run, since)));
  return grew ? { excusedAttempts: run.attempts - 1, progressAt: now } : undefined;
}

async function treeGrew(store: TenantStore, run: RunRecord, since: Date): Promise<boolean> {
  const calls = await store.toolCalls.ofTree(run.id, TOOL_CALL_STATUSES);
  if (calls.some(({ createdAt, finishedAt }) => createdAt > since || (finishedAt ?? since) > since))
    return true;
  for (const child of await store.runs.activeChildren(run.id))
    if (((await readProgress(store, child)).newestAt ?? since) > since) return true;
  return false;
}

/** Why a run that was interrupted so often is not tried again; undefined when it is. */
export function wornOut(run: RunRecord): string | undefined {
  if (fruitless(run) >= MAX_FRUITLESS)
    return `Run ${run.id} was given up after ${MAX_FRUITLESS} attempts in which it got nothing done before the end of the server interrupted it.`;
  if (run.attempts > MAX_ATTEMPTS)
    return `Run ${run.id} was given up after ${MAX_ATTEMPTS} attempts that the end of the server interrupted.`;
  return undefined;
}
