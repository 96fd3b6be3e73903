export { createLocalProvider, type LocalProviderOptions } from './provider';
