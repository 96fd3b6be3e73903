import type { ModelInfo, ModelUsage } from '../ports/models';

export type Pricing = ModelInfo['pricing'];

export interface TokenCounts {
  inputTokens: number;
  outputTokens: number;
  /** The part of `inputTokens` that the provider read from its prompt cache. */
  cachedInputTokens?: number;
}

const TOKENS_PER_PRICE_UNIT = 1_000_000;

/** US dollars for one call. Cached input tokens are part of the input and cost their own price where there is one. */
export function costUsd(pricing: Pricing, counts: TokenCounts): number {
  const cached = Math.min(counts.cachedInputTokens ?? 0, counts.inputTokens);
  const cachedPrice = pricing.cachedInputPerMillionUsd ?? pricing.inputPerMillionUsd;
  return (
    ((counts.inputTokens - cached) * pricing.inputPerMillionUsd +
      cached * cachedPrice +
      counts.outputTokens * pricing.outputPerMillionUsd) /
    TOKENS_PER_PRICE_UNIT
  );
}

export function usageOf(pricing: Pricing, counts: TokenCounts): ModelUsage {
  const { inputTokens, outputTokens } = counts;
  return {
    inputTokens,
    outputTokens,
    totalTokens: inputTokens + outputTokens,
    costUsd: costUsd(pricing, counts),
  };
}
