import { builder } from './builder';
import './scalars';
import './system';
import './agents';
import './agent-execution';
import './conversations';
import './knowledge';
import './cancellation';
import './files';
import './tools';
import './approvals';
import './approval-policies';
import './questions';

/** The one schema: GraphQL serves it, the REST facade maps onto it. */
export const schema = builder.toSchema();
