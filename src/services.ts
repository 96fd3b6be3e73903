import type { Agents } from './agents/agents';
import type { Compactions } from './conversations/compaction';
import type { Conversations } from './conversations/conversations';
import type { History } from './conversations/history';
import type { ModelGateway } from './ports/models';
import type { Cancellation } from './runs/cancellation';
import type { RunEngine } from './runs/engine';
import type { Runs } from './runs/runs';
import type { Health } from './system/health';
import type { ModelPreferences } from './models/preferences';

/** Everything that resolvers delegate to. */
export interface Services {
  agents: Agents;
  conversations: Conversations;
  history: History;
  compactions: Compactions;
  engine: RunEngine;
  runs: Runs;
  cancellation: Cancellation;
  models: ModelGateway;
  preferences: ModelPreferences;
  health: Health;
}
