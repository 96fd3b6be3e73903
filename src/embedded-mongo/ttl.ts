/** Removal of documents whose TTL date has passed. */
import type { Document } from 'bson';
import { valuesAtPath } from './query';
import type { Engine } from './engine';
import type { Collection, Index } from './catalog';
import { Scan } from './scan';
import { planQuery } from './planner';
import { decodeFields } from './raw-bson';

/** Documents removed per commit, so that writers get turns in between. */
const BATCH = 500;

/** @returns how many documents were removed */
export async function sweepExpired(engine: Engine): Promise<number> {
  let removed = 0;
  for (const collection of engine.catalog.list()) {
    for (const index of collection.indexes) {
      if (index.expireAfterSeconds === null) continue;
      removed += await sweepIndex(engine, collection, index);
    }
  }
  return removed;
}

async function sweepIndex(engine: Engine, collection: Collection, index: Index): Promise<number> {
  const path = index.key[0]![0];
  let total = 0;
  for (;;) {
    const before = new Date(engine.now().getTime() - index.expireAfterSeconds! * 1_000);
    const removed = await engine.write(() => removeBatch(engine, collection, index, { path, before }));
    total += removed;
    if (removed < BATCH) return total;
  }
}

function removeBatch(
  engine: Engine,
  collection: Collection,
  index: Index,
  expiry: { path: string; before: Date },
): number {
  if (collection.dropped || !collection.indexes.includes(index)) return 0;
  const plan = planQuery(collection, {
    filter: { [expiry.path]: { $lte: expiry.before } },
    sort: [],
    hint: index.name,
  });
  const scan = new Scan(engine.storage, collection, { ...plan, exact: true }, {}, BATCH);
  const targets = [];
  for (let hit = scan.next(); hit !== null && targets.length < BATCH; hit = scan.next()) {
    const isLocked = engine.transactions.lockOn(collection, hit.idKey) !== undefined;
    if (!isLocked && isExpired(decodeFields(hit.raw, index.fields), expiry)) targets.push(hit);
  }
  for (const { idKey, raw } of targets) engine.direct.apply(collection, { idKey, before: raw, after: null });
  return targets.length;
}

/** Of several dates the earliest counts; a document without a date never expires (MongoDB manual, "TTL Indexes"). */
function isExpired(doc: Document, { path, before }: { path: string; before: Date }): boolean {
  return valuesAtPath(doc, path).some(
    (value) => value instanceof Date && value.getTime() <= before.getTime(),
  );
}
