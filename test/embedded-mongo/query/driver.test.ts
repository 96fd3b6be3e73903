import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient, MongoServerError, type Collection, type Db, type Document } from 'mongodb';
import { startEmbeddedMongo, type EmbeddedMongo } from '../../../src/embedded-mongo/server';
import { EXPRESSION_CASES, PIPELINE_CASES } from './cases/aggregation';
import { EXPRESSION_ERRORS, FILTER_ERRORS, PIPELINE_ERRORS } from './cases/errors';
import { FILTER_CASES, ORDER_CASES } from './cases/filters';
import { PROJECTION_CASES } from './cases/projections';
import type {
  Difference,
  ExpressionCase,
  FilterCase,
  PipelineCase,
  ProjectionCase,
  UpdateCase,
} from './cases/types';
import { UPDATE_CASES } from './cases/updates';
import { canonical } from './canonical';
import { DOCUMENTDB_DIFFERENCES } from './cases/documentdb';

/** The same cases through the official driver: against MONGODB_URL when it is set, else the embedded server. */
const url = process.env.MONGODB_URL;
const KEEP_TYPES = { promoteValues: false } as const;

let server: EmbeddedMongo | undefined;
let dataDir: string | undefined;
let client: MongoClient;
let db: Db;
let isDocumentDb = false;

beforeAll(async () => {
  if (url === undefined) {
    dataDir = mkdtempSync(join(tmpdir(), 'agentflow-query-'));
    server = await startEmbeddedMongo({ dataDir });
  }
  client = await MongoClient.connect(url ?? server!.url);
  db = client.db(`query_${randomUUID().slice(0, 8)}`);
  const info = await db.admin().command({ buildInfo: 1 });
  isDocumentDb = JSON.stringify(info).toLowerCase().includes('documentdb') || 'internal' in info;
}, 60_000);

afterAll(async () => {
  await db?.dropDatabase();
  await client?.close();
  await server?.close();
  if (dataDir !== undefined) rmSync(dataDir, { recursive: true, force: true });
});

async function filled(name: string, docs: Document[]): Promise<Collection> {
  const collection = db.collection(name);
  await collection.deleteMany({});
  if (docs.length > 0) await collection.insertMany(docs.map((doc) => ({ ...doc })));
  return collection;
}

interface Checked {
  name: string;
  error?: number;
  expected?: unknown;
  documentdb?: Difference;
}

async function check(one: Checked, run: () => Promise<unknown>): Promise<void> {
  const difference = isDocumentDb ? (one.documentdb ?? DOCUMENTDB_DIFFERENCES[one.name]) : undefined;
  if (difference && !('expected' in difference)) return;
  if (one.error === undefined || difference) {
    return expect(canonical(await run())).toBe(canonical(difference ? difference.expected : one.expected));
  }
  const thrown: unknown = await run().catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(MongoServerError);
  // DocumentDB numbers many parse errors differently; that it refuses is what counts there.
  if (!isDocumentDb) expect(Number((thrown as MongoServerError).code)).toBe(one.error);
}

async function select({ docs, filter, sort }: FilterCase): Promise<unknown[]> {
  const collection = await filled('filters', docs);
  const rows = await collection
    .find(filter, KEEP_TYPES)
    .sort(sort ?? { _id: 1 })
    .toArray();
  return rows.map(({ _id }) => _id as unknown);
}

async function update({
  doc,
  filter,
  update: statement,
  arrayFilters,
  upsert,
}: UpdateCase): Promise<unknown> {
  const collection = await filled('updates', doc ? [doc] : []);
  await db
    .command({
      update: collection.collectionName,
      updates: [
        { q: filter ?? {}, u: statement, upsert: upsert ?? false, ...(arrayFilters ? { arrayFilters } : {}) },
      ],
    })
    .then((reply: Document) => {
      const [failed] = (reply.writeErrors ?? []) as Document[];
      if (failed)
        throw new MongoServerError({ message: failed.errmsg as string, code: failed.code as number });
    });
  return collection.findOne({}, KEEP_TYPES);
}

async function aggregate({ docs, pipeline, others = {} }: PipelineCase): Promise<Document[]> {
  for (const [name, rows] of Object.entries(others)) await filled(name, rows);
  const collection = await filled('pipelines', docs);
  return collection.aggregate(pipeline, KEEP_TYPES).toArray();
}

async function project({ doc, filter, projection }: ProjectionCase): Promise<unknown> {
  const collection = await filled('projections', [doc]);
  return collection.findOne(filter ?? {}, { ...KEEP_TYPES, projection });
}

async function evaluate({ doc = { _id: 1 }, expression }: ExpressionCase): Promise<unknown> {
  const pipeline = [{ $project: { _id: 0, value: expression } }];
  const [row] = await aggregate({ name: '', docs: [doc], pipeline });
  return row!.value as unknown;
}

describe('filters through the driver', () => {
  it.each([...FILTER_CASES, ...FILTER_ERRORS])('$name', (one) => check(one, () => select(one)));
});

describe('order through the driver', () => {
  it.each(ORDER_CASES)('$name', (one) => check(one, () => select(one)));
});

describe('updates through the driver', () => {
  it.each(UPDATE_CASES)('$name', (one) => check(one, () => update(one)));
});

describe('projections through the driver', () => {
  it.each(PROJECTION_CASES)('$name', (one) => check(one, () => project(one)));
});

describe('pipelines through the driver', () => {
  it.each([...PIPELINE_CASES, ...PIPELINE_ERRORS])('$name', (one) => check(one, () => aggregate(one)));
});

describe('expressions through the driver', () => {
  it.each([...EXPRESSION_CASES, ...EXPRESSION_ERRORS])('$name', (one) => check(one, () => evaluate(one)));
});
