import type { ModelInfo, ModelUsage } from '../ports/models';
import { describeModel, hasKnownPrice, openAiModels } from './catalogue';
import { usageOf, type Pricing, type TokenCounts } from './pricing';
import { estimateTokens } from './tokens';

/** What providers ask about models; handed to them, because adapters call no domain. */
export interface ModelRegistry {
  /** Models with a known price under the provider's name, each as not available. */
  list(provider: string): ModelInfo[];
  /** What is known of a model, a generic entry when nothing is. `model` is the id's part after the slash. */
  describe(provider: string, model: string): ModelInfo;
  hasKnownPrice(model: string): boolean;
  /** Token counts with their cost in US dollars. */
  usage(pricing: Pricing, counts: TokenCounts): ModelUsage;
  /** Tokens of a text without the tokenizer, within 15 % for English, code and JSON. */
  estimateTokens(text: string): number;
}

export const modelRegistry: ModelRegistry = {
  list: openAiModels,
  describe: describeModel,
  hasKnownPrice,
  usage: usageOf,
  estimateTokens,
};
