import type { FairSemaphore } from '../fair-semaphore';
import type { Clock } from '../ports/clock';
import type { ModelGateway, ModelMessage } from '../ports/models';
import type { JsonValue, RunRecord } from '../ports/records';
import type { ApprovalPolicyRecord, ToolBox, ToolCallRecord } from '../ports/tools';
import { SUB_AGENT_MESSAGE } from './delegations';
import type { Usage } from './events';
import { addUsage, answer, emptyUsage, type StepResult } from './execute';
import { hasReceipt, intentOf, planCall } from './ledger';
import { RUN_PATIENCE_MS } from './log';
import { Place } from './place';
import { definitionOf, type Offered, type Offers } from './offer';
import { whileUnavailable } from './patience';
import { buildPrompt } from './prompt';
import type { Pause, RunScope } from './scope';
import { StepText } from './step-text';
import type { Settling, ToolRunner } from './tool-runner';
import { groupSteps, type Step, textOfSteps, transcriptOf } from './transcript';

/** Tool calls that one model step may ask for. */
const MOST_CALLS = 32;
/** How long a tool that runs may go on when the server stops: its receipt is worth more than a quick exit. */
const SHUTDOWN_GRACE_MS = 3_000;
const MESSAGES_AT_ONCE = 100;

export type LoopEnd =
  | {
      kind: 'completed';
      finishReason: string;
      output?: JsonValue;
      usage: Usage;
      steps: number;
      calls: ToolCallRecord[];
    }
  | { kind: 'paused'; pause: Pause; usage: Usage; calls: ToolCallRecord[] };

export interface LoopDependencies {
  models: ModelGateway;
  tools: ToolBox;
  offers: Offers;
  runner: ToolRunner;
  /** Runs that ask their model at the same time; one that waits for a tool, a human or a pause has no place. */
  places: FairSemaphore;
  clock: Clock;
  /** Stores what a run has reached. @throws FencedError when another worker has it */
  save: (scope: RunScope, changes: Partial<RunRecord>) => Promise<void>;
}

/**
 * The loop of an agent: ask the model, write its text, run the tools it calls, tell it the outcomes, until it answers
 * without a call or has used its turns. Each step is stored before the next begins, so a run goes on from its last step.
 */
export class AgentLoop {
  constructor(private readonly dependencies: LoopDependencies) {}

  async run(scope: RunScope): Promise<LoopEnd> {
    const place = new Place(this.dependencies.places, scope);
    try {
      return await this.runIn(place, scope);
    } finally {
      place.leave();
    }
  }

  private async runIn(place: Place, scope: RunScope): Promise<LoopEnd> {
    const { agent, store, request } = scope;
    await place.take();
    const { offers } = this.dependencies;
    const [base, offered, stored] = await whileUnavailable(RUN_PATIENCE_MS, () =>
      Promise.all([
        buildPrompt(store, agent, request, scope.history),
        offers.of(store, agent, request.selectedTools),
        scope.resumed ? store.toolCalls.ofRun(scope.run.id) : [],
      ]),
    );
    const steps = groupSteps(stored);
    const state: LoopState = {
      scope,
      offered,
      base,
      steps,
      usage: usageOf(scope.run),
      before: textOfSteps(steps),
      tail: [],
      read: 0,
    };
    const toolSignal = laterOnShutdown(scope.signal);
    const last = state.steps.at(-1);
    if (last) {
      const pause = await place.without(() => this.settle(state, last, toolSignal, false));
      if (pause) return this.paused(state, pause);
    }
    const turns = request.maxTurns ?? agent.maxTurns;
    for (;;) {
      if (state.steps.length >= turns) return this.completed(state, { finishReason: 'max_turns' });
      const result = await this.ask(state, place);
      addUsage(state.usage, result.usage);
      if (result.toolCalls.length === 0) {
        if (await this.isAskedFurther(state)) continue;
        return this.completed(state, result);
      }
      const step = await this.intend(state, result, toolSignal);
      const pause = await place.without(() => this.settle(state, step, toolSignal, true));
      if (pause) return this.paused(state, pause);
    }
  }

  private async ask(state: LoopState, place: Place): Promise<StepResult> {
    const { scope, base, steps, offered } = state;
    const { models, clock } = this.dependencies;
    const { agent, run, request, signal, writer } = scope;
    await this.listen(state);
    state.text = new StepText(writer, state.before);
    const result = await answer({
      models,
      text: state.text,
      tenant: scope.store.tenant,
      aside: (wait) => place.without(wait),
      run,
      request,
      messages: [...base, ...transcriptOf(steps), ...state.tail],
      tools: offered.map(definitionOf),
      signal,
      clock,
      agentSettings: {
        temperature: agent.llmTemperature,
        maxTokens: agent.llmMaxTokens,
        reasoningEffort: agent.reasoningEffort,
      },
    });
    state.before = writer.text;
    return result;
  }

  /**
   * Messages that a parent sent to this background run since the last look.
   * @returns true when there were any
   */
  private async listen(state: LoopState): Promise<boolean> {
    const { store, run } = state.scope;
    if (run.kind !== 'background') return false;
    const after = (run.startSeq ?? 0) - 1;
    const parts = await store.parts.ofTypes(run.conversationId, ['system_event'], after, MESSAGES_AT_ONCE);
    const texts = parts.flatMap(({ runId, content }) => {
      const { kind, text } = (content ?? {}) as { kind?: string; text?: string };
      return runId === run.id && kind === SUB_AGENT_MESSAGE && text !== undefined ? [text] : [];
    });
    const fresh = texts.slice(state.read);
    state.tail.push(...fresh.map((content): ModelMessage => ({ role: 'user', content })));
    state.read = texts.length;
    return fresh.length > 0;
  }

  /** @returns true when messages came while the model answered: it is asked again */
  private async isAskedFurther(state: LoopState): Promise<boolean> {
    if (state.scope.run.kind !== 'background') return false;
    state.tail.push({ role: 'assistant', content: state.text?.value ?? '' });
    return this.listen(state);
  }

  /** Writes the intents of a step before anything of it happens. */
  private async intend(state: LoopState, result: StepResult, signal: AbortSignal): Promise<Step> {
    const { scope, offered, steps, usage } = state;
    const { tools, runner, clock, save } = this.dependencies;
    const settling = this.settling(state, signal, true);
    const index = steps.length;
    const asked = result.toolCalls.slice(0, MOST_CALLS);
    const calls = await Promise.all(
      asked.map((call, position) => {
        const planned = planCall(call, offered, (offer, args) => tools.problems(offer.tool, args));
        const stepText = state.text?.value ?? '';
        const place = { step: index, position, stepText, giveBack: result.giveBack };
        return runner.prepare(settling, intentOf(scope, planned, place, clock), planned);
      }),
    );
    state.policies = settling.policies;
    // What the model wrote is stored before its calls: the text of a step is never shorter than its ledger says.
    await scope.writer.checkpoint([]);
    await whileUnavailable(RUN_PATIENCE_MS, () => scope.store.toolCalls.insert(calls), { orFull: true });
    await save(scope, { step: index + 1, ...usage });
    // Whoever ends the run from outside says what it cost so far.
    Object.assign(scope.run, usage);
    steps.push(calls);
    return calls;
  }

  private async settle(
    state: LoopState,
    step: Step,
    signal: AbortSignal,
    fresh: boolean,
  ): Promise<Pause | null> {
    if (!fresh && !state.scope.resumed && step.every(hasReceipt)) return null;
    const settling = this.settling(state, signal, fresh);
    const { calls, pause } = await this.dependencies.runner.settle(settling, step);
    state.steps[state.steps.indexOf(step)] = calls;
    return pause;
  }

  private settling(state: LoopState, signal: AbortSignal, fresh: boolean): Settling {
    return {
      scope: state.scope,
      offers: state.offered,
      signal,
      earlier: state.steps.flat(),
      fresh,
      policies: fresh && state.policies ? state.policies : new Map<string, ApprovalPolicyRecord>(),
    };
  }

  private completed(
    { usage, steps }: LoopState,
    result: { finishReason: string; output?: JsonValue },
  ): LoopEnd {
    const { finishReason, output } = result;
    const end = {
      kind: 'completed' as const,
      finishReason,
      usage,
      steps: steps.length + 1,
      calls: steps.flat(),
    };
    return output === undefined ? end : { ...end, output };
  }

  private paused({ usage, steps }: LoopState, pause: Pause): LoopEnd {
    return { kind: 'paused', pause, usage, calls: steps.flat() };
  }
}

interface LoopState {
  scope: RunScope;
  offered: Offered[];
  base: ModelMessage[];
  steps: Step[];
  usage: Usage;
  /** The text of the step that is asked now. */
  text?: StepText;
  policies?: Settling['policies'];
  /** The answer before the step that is asked now. */
  before: string;
  /** What a background run heard and said beside its steps, and how many messages of its parent that holds. */
  tail: ModelMessage[];
  read: number;
}

const usageOf = ({ inputTokens, outputTokens, totalTokens, costUsd }: RunRecord): Usage => ({
  ...emptyUsage(),
  inputTokens,
  outputTokens,
  totalTokens,
  costUsd,
});

/** Follows a signal, but lets tools that run finish for a moment when the server stops. */
export function laterOnShutdown(signal: AbortSignal): AbortSignal {
  const tools = new AbortController();
  const stop = (): void => {
    const reason = signal.reason as { kind?: string } | undefined;
    if (reason?.kind !== 'shutdown') tools.abort(signal.reason);
    else setTimeout(() => tools.abort(signal.reason), SHUTDOWN_GRACE_MS).unref();
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return tools.signal;
}
