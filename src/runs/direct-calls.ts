import type { Clock } from '../ports/clock';
import type { ToolBox, ToolCallRecord } from '../ports/tools';
import { laterOnShutdown } from './agent-loop';
import { hasReceipt, intentOf } from './ledger';
import { RUN_PATIENCE_MS } from './log';
import type { Offers } from './offer';
import { whileUnavailable } from './patience';
import type { Pause, RunScope } from './scope';
import type { Ending } from './sessions';
import { callEnded } from './tool-events';
import type { Settling, ToolRunner } from './tool-runner';

export interface DirectCallDependencies {
  offers: Offers;
  tools: ToolBox;
  runner: ToolRunner;
  clock: Clock;
}

/** A tool run without a model: one call, its own root, under the same gates as when an agent calls it. */
export class DirectCalls {
  constructor(private readonly dependencies: DirectCallDependencies) {}

  async run(scope: RunScope): Promise<Ending | { pause: Pause; changes: object }> {
    const { runner, offers } = this.dependencies;
    const offered = await whileUnavailable(RUN_PATIENCE_MS, () => offers.of(scope.store, scope.agent));
    const [known] = scope.resumed ? await scope.store.toolCalls.ofRun(scope.run.id) : [];
    const settling: Settling = {
      scope,
      offers: offered,
      signal: laterOnShutdown(scope.signal),
      earlier: [],
      fresh: !known,
      policies: new Map(),
      endsWithRun: true,
    };
    const call = known ?? (await this.intend(settling));
    const { calls, pause } = await runner.settle(settling, [call]);
    return pause ? { pause, changes: {} } : endingOf(scope, calls[0]!);
  }

  private async intend(settling: Settling): Promise<ToolCallRecord> {
    const { scope, offers } = settling;
    const { tools, runner, clock } = this.dependencies;
    const request = scope.request.call!;
    const offered = offers.find((offer) => offer.kind === 'tool' && offer.tool.id === request.toolId);
    const args = request.arguments;
    const problems =
      offered?.kind === 'tool'
        ? tools.problems(offered.tool, args)
        : ['the tool was removed from this agent'];
    const planned = {
      asked: { id: scope.run.callId, name: request.toolName, arguments: JSON.stringify(args) },
      offered,
      args,
      problems,
    };
    const intent = intentOf(scope, planned, { step: 0, position: 0, stepText: '' }, clock);
    // The call is the run's own unit: its events begin and end the stream.
    const own = { ...intent, id: scope.run.callId, idempotencyKey: scope.run.callId };
    const call = await runner.prepare(settling, own, planned);
    await whileUnavailable(RUN_PATIENCE_MS, () => scope.store.toolCalls.insert([call]), { orFull: true });
    return call;
  }
}

function endingOf(scope: RunScope, call: ToolCallRecord): Ending {
  if (!hasReceipt(call)) throw new Error(`Call ${call.id} ended without a receipt.`);
  const status = call.status === 'succeeded' ? 'completed' : call.status === 'expired' ? 'expired' : 'failed';
  return {
    status,
    parts: callEnded(scope, call),
    changes: {
      step: 1,
      output: call.result,
      error: call.error,
      finishReason: call.status,
    },
  };
}
