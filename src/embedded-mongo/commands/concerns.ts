/**
 * Read and write concerns, as a MongoDB 8 of one node takes them. One node's data is all there is, so `local`,
 * `available` and `majority` read the same; a `linearizable` read is answered when what it read is on the disk. What is
 * not offered is refused: nobody is to believe in a promise that nobody keeps.
 */
import type { Document } from 'bson';
import { MongoCommandError } from '../errors';
import { isNumeric, toDouble } from '../query/numbers';
import { documentOf, flagOf, numberOf, refuseUnknown, type CommandSpec } from './context';

/** The most members a replica set can have, which bounds a numeric `w` (MongoDB's kMaxMembers). */
const MOST_MEMBERS = 50;

const LEVELS = ['local', 'available', 'majority', 'linearizable', 'snapshot'];
const LEVELS_IN_TRANSACTIONS = ['local', 'majority', 'snapshot'];

const READ_CONCERN_FIELDS = ['level', 'afterOpTime', 'afterClusterTime', 'atClusterTime', 'provenance'];
const WRITE_CONCERN_FIELDS = ['w', 'j', 'fsync', 'wtimeout', 'provenance'];

function concernOf(value: unknown, field: string): Document {
  if (value !== null) return documentOf(value, field);
  throw new MongoCommandError('TypeMismatch', `BSON field '${field}' is 'null', expected type 'object'`);
}

/** The level of a well-formed read concern, or null when the command has none. */
function levelOf(value: unknown): string | null {
  if (value === undefined) return null;
  const concern = concernOf(value, 'readConcern');
  refuseUnknown('readConcern', concern, READ_CONCERN_FIELDS);
  const level: unknown = concern['level'];
  if (level !== undefined && typeof level !== 'string')
    throw new MongoCommandError('TypeMismatch', "BSON field 'readConcern.level' must be a string");
  if (level !== undefined && !LEVELS.includes(level))
    throw new MongoCommandError(
      'BadValue',
      `Enumeration value '${level}' for field 'readConcern.level' is not a valid value; it is one of ${LEVELS.join(', ')}`,
    );
  for (const field of ['afterOpTime', 'afterClusterTime', 'atClusterTime']) {
    if (concern[field] === undefined) continue;
    if (field === 'atClusterTime' && level !== 'snapshot')
      throw new MongoCommandError(
        'InvalidOptions',
        'atClusterTime field can be set only if level is equal to snapshot',
      );
    throw new MongoCommandError(
      'IllegalOperation',
      `Cannot specify '${field}' readConcern without enabling logical clock; the embedded server is one node without cluster times.`,
    );
  }
  return level ?? null;
}

/**
 * Whether the reply must wait until what it tells survives a power cut.
 * @throws TypeMismatch, BadValue, UnknownField for a concern that is none; InvalidOptions for one the command does not
 *   take; NotAReplicaSet for `snapshot` outside of a transaction
 */
export function checkReadConcern(spec: CommandSpec, name: string, body: Document): boolean {
  const level = levelOf(body['readConcern']);
  if (level === null || level === 'local') return false;
  if (spec.readConcern !== true || (level === 'linearizable' && writesResults(body)))
    throw new MongoCommandError(
      'InvalidOptions',
      `Command ${name} does not support { readConcern: { level: "${level}" } }`,
    );
  if (level === 'snapshot')
    throw new MongoCommandError(
      'NotAReplicaSet',
      'node needs to be a replica set member to use readConcern: snapshot; the embedded server reads snapshots in transactions only.',
    );
  return level === 'linearizable';
}

/** An aggregation that ends in `$out` or `$merge`. */
function writesResults(body: Document): boolean {
  const last: unknown = Array.isArray(body['pipeline']) ? body['pipeline'].at(-1) : undefined;
  return typeof last === 'object' && last !== null && ('$out' in last || '$merge' in last);
}

/** @throws InvalidOptions for any but the first statement's, and for a level without snapshot isolation */
export function checkReadConcernInTransaction(body: Document): void {
  const level = levelOf(body['readConcern']);
  if (body['readConcern'] !== undefined && body['startTransaction'] !== true)
    throw new MongoCommandError(
      'InvalidOptions',
      'Only the first command in a transaction may specify a readConcern',
    );
  if (level !== null && !LEVELS_IN_TRANSACTIONS.includes(level))
    throw new MongoCommandError(
      'InvalidOptions',
      "The readConcern level must be either 'local' (default), 'majority' or 'snapshot' in order to run in a transaction",
    );
}

/**
 * Whether the reply must wait until the write survives a power cut: `j: true`, which a majority implies.
 * @throws TypeMismatch, FailedToParse, UnknownField for a concern that is none; BadValue for more nodes than there are;
 *   InvalidOptions for a command that does not write
 */
export function checkWriteConcern(spec: CommandSpec, name: string, value: unknown): boolean {
  if (value === undefined) return false;
  const concern = concernOf(value, 'writeConcern');
  refuseUnknown('writeConcern', concern, WRITE_CONCERN_FIELDS);
  if (spec.writeConcern !== true)
    throw new MongoCommandError('InvalidOptions', `Command ${name} does not support writeConcern`);
  const { w, j, fsync, wtimeout } = concern as Record<string, unknown>;
  checkNodes(w);
  for (const [field, flag] of Object.entries({ j, fsync }))
    if (flag !== undefined && typeof flag !== 'boolean') numberOf(flag, `writeConcern.${field}`);
  if (wtimeout !== undefined) numberOf(wtimeout, 'writeConcern.wtimeout');
  if (flagOf(j) && flagOf(fsync))
    throw new MongoCommandError('FailedToParse', 'fsync and j options cannot be used together');
  return j === undefined ? w === 'majority' || flagOf(fsync) : flagOf(j);
}

function checkNodes(w: unknown): void {
  if (w === undefined || w === 'majority') return;
  if (typeof w === 'string')
    throw new MongoCommandError(
      'BadValue',
      `cannot use non-majority 'w' mode ${w} when a host is not a member of a replica set`,
    );
  const nodes = isNumeric(w) ? toDouble(w) : Number.NaN;
  if (!(nodes >= 0 && nodes <= MOST_MEMBERS))
    throw new MongoCommandError(
      'FailedToParse',
      `w has to be a non-negative number and not greater than ${MOST_MEMBERS}, or 'majority'`,
    );
  if (nodes > 1) throw new MongoCommandError('BadValue', "cannot use 'w' > 1 when a host is not replicated");
}
