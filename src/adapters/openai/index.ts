export { createOpenAiProvider, type OpenAiProvider } from './provider';
export type { OpenAiLimits, OpenAiProviderOptions } from './options';
