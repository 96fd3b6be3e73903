#!/usr/bin/env node
// Writes src/models/openai-models.json: windows and capabilities from the metadata that gpt-tokenizer carries, prices from
// the table below. Run it after an update of gpt-tokenizer or a change of prices: node scripts/update-model-catalogue.mjs
//
// Why a generated file: loading gpt-tokenizer's metadata at run time costs megabytes, and its CommonJS build cannot be loaded.
// Why prices of our own: version 4.0.0 gives several models another model's price (gpt-4.1, gpt-4o, gpt-5 and o3 among them)
// and many none at all, and money is counted with them.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import * as metadata from 'gpt-tokenizer/models';

// US dollars per million tokens, standard tier: [input, cached input or null, output].
// Source: https://platform.openai.com/docs/pricing, November 2026. A model whose price is not certain stays out: a missing
// price is reported as unknown, a wrong one is charged.
const PRICES = {
  'gpt-5.5': [5, 0.5, 30],
  'gpt-5.4': [2.5, 0.25, 15],
  'gpt-5.4-mini': [0.75, 0.075, 4.5],
  'gpt-5.2': [1.75, 0.175, 14],
  'gpt-5.1': [1.25, 0.125, 10],
  'gpt-5': [1.25, 0.125, 10],
  'gpt-5-mini': [0.25, 0.025, 2],
  'gpt-5-nano': [0.05, 0.005, 0.4],
  'gpt-4.1': [2, 0.5, 8],
  'gpt-4.1-mini': [0.4, 0.1, 1.6],
  'gpt-4.1-nano': [0.1, 0.025, 0.4],
  'gpt-4o': [2.5, 1.25, 10],
  'gpt-4o-mini': [0.15, 0.075, 0.6],
  o3: [2, 0.5, 8],
  'o4-mini': [1.1, 0.275, 4.4],
  'o3-mini': [1.1, 0.55, 4.4],
  o1: [15, 7.5, 60],
  'gpt-4-turbo': [10, null, 30],
  'gpt-4': [30, null, 60],
  'gpt-3.5-turbo': [0.5, null, 1.5],
  'text-embedding-3-small': [0.02, null, 0],
  'text-embedding-3-large': [0.13, null, 0],
  'text-embedding-ada-002': [0.1, null, 0],
};

// The metadata lists no function calling for these two, which have had it since June 2023.
const TOOLS_KNOWN = new Set(['gpt-4', 'gpt-3.5-turbo']);
// Inputs of OpenAI's embedding models: https://platform.openai.com/docs/guides/embeddings
const EMBEDDING_WINDOW = 8191;

function efforts(id, spec) {
  if (!spec.reasoning_tokens) return [];
  if (/^gpt-5\.[2-9]/.test(id)) return ['none', 'low', 'medium', 'high', 'xhigh'];
  if (id.startsWith('gpt-5.1')) return ['none', 'low', 'medium', 'high'];
  if (id.startsWith('gpt-5')) return ['minimal', 'low', 'medium', 'high'];
  return ['low', 'medium', 'high'];
}

function entry([id, [input, cached, output]]) {
  const spec = metadata[id] ?? metadata.default?.[id];
  if (!spec) throw new Error(`gpt-tokenizer knows no model ${id}.`);
  const embedding = id.startsWith('text-embedding');
  const features = new Set(spec.supported_features ?? []);
  return {
    id,
    kind: embedding ? 'embedding' : 'chat',
    contextWindow: spec.context_window ?? EMBEDDING_WINDOW,
    maxOutputTokens: embedding ? 0 : spec.max_output_tokens,
    vision: spec.modalities.input.includes('image'),
    tools: features.has('function_calling') || TOOLS_KNOWN.has(id),
    reasoning: spec.reasoning_tokens === true,
    structuredOutput: features.has('structured_outputs'),
    efforts: efforts(id, spec),
    input,
    output,
    ...(cached === null ? {} : { cachedInput: cached }),
  };
}

const target = fileURLToPath(new URL('../src/models/openai-models.json', import.meta.url));
const text = JSON.stringify(Object.entries(PRICES).map(entry));
writeFileSync(target, await format(text, { parser: 'json', printWidth: 110 }));
