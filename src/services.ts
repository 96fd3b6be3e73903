import type { Agents } from './agents/agents';
import type { Approvals } from './approvals/approvals';
import type { HumanFeed } from './approvals/feed';
import type { ApprovalPolicies } from './approvals/policies';
import type { ApprovalStatistics } from './approvals/statistics';
import type { Compactions } from './conversations/compaction';
import type { Conversations } from './conversations/conversations';
import type { History } from './conversations/history';
import type { ModelGateway } from './ports/models';
import type { Questions } from './questions/questions';
import type { BesideRuns } from './runs/beside';
import type { Cancellation } from './runs/cancellation';
import type { RunEngine } from './runs/engine';
import type { Runs } from './runs/runs';
import type { Health } from './system/health';
import type { ModelPreferences } from './models/preferences';
import type { ToolStatus } from './tools/built-in';
import type { CachedResults } from './tools/cached-results';
import type { ToolGenerator } from './tools/generate';
import type { Tools } from './tools/tools';

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
  tools: Tools;
  toolGenerator: ToolGenerator;
  toolStatus: (tool: { kind: string; name: string }) => ToolStatus;
  cachedResults: CachedResults;
  approvals: Approvals;
  policies: ApprovalPolicies;
  questions: Questions;
  humanFeed: HumanFeed;
  approvalStatistics: ApprovalStatistics;
  besideRuns: BesideRuns;
}
