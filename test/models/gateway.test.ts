import { modelRegistry } from '../../src/models/registry';
import { createLocalProvider } from '../../src/adapters/local-model';
import { createOpenAiProvider } from '../../src/adapters/openai';
import { describeModel, openAiModels } from '../../src/models/catalogue';
import { chooseDefaultModel, createModelGateway } from '../../src/models/gateway';
import { costUsd } from '../../src/models/pricing';
import { startStubProvider } from '../testkit/stub-provider';

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const clock = { now: () => new Date() };

const openai = (options: { baseUrl?: string; apiKey?: string; models?: string[]; name?: string }) =>
  createOpenAiProvider({ name: 'openai', registry: modelRegistry, logger: silent, clock, ...options });

function gatewayOf(
  options: { baseUrl?: string; apiKey?: string; models?: string[] } = {},
  defaultModel?: string,
) {
  return createModelGateway({
    providers: [openai(options), createLocalProvider({ registry: modelRegistry })],
    defaultModel,
    logger: silent,
  });
}

describe('the default model', () => {
  it.each([
    [{}, 'agentflow/local'],
    [{ openAiApiKey: '', openAiBaseUrl: '' }, 'agentflow/local'],
    [{ openAiApiKey: 'k' }, 'openai/gpt-4.1-mini'],
    [{ openAiBaseUrl: 'http://x/v1', openAiModel: 'llama' }, 'openai/llama'],
    [{ openAiModel: 'llama' }, 'agentflow/local'],
    [{ openAiApiKey: 'k', configured: 'agentflow/local' }, 'agentflow/local'],
  ])('of %j is %s', (settings, expected) => {
    expect(chooseDefaultModel(settings)).toBe(expected);
  });

  it('is made canonical, and refused at start when nothing serves it', () => {
    expect(gatewayOf({}, 'local').defaultModel()).toBe('agentflow/local');
    expect(() => gatewayOf({}, 'nobody/none')).toThrow(/No provider serves the model nobody\/none/);
  });
});

describe('a model id', () => {
  it('goes to the provider before its slash', () => {
    const gateway = gatewayOf({ apiKey: 'k' });
    expect(gateway.resolve('openai/gpt-4o').name).toBe('openai');
    expect(gateway.resolve('agentflow/local').name).toBe('agentflow');
  });

  it('without a provider goes to the one that lists it, else to the only one that can try it', () => {
    const gateway = gatewayOf({ baseUrl: 'http://127.0.0.1:1/v1' });
    expect(gateway.resolve('local').name).toBe('agentflow');
    expect(gateway.resolve('meta-llama/Llama-3.3-70B').name).toBe('openai');
  });

  it('without a provider is refused when two could be meant, and both are named', () => {
    const baseUrl = 'http://127.0.0.1:1/v1';
    const providers = [
      openai({ baseUrl, name: 'a' }),
      openai({ baseUrl, name: 'b' }),
      createLocalProvider({ registry: modelRegistry }),
    ];
    expect(() => createModelGateway({ providers, logger: silent }).resolve('x')).toThrow(/say a\/x or b\/x/);
  });

  it.each(['', 'openai/', 'agentflow/gpt-4o', 'openai/claude', 'openai/gpt 4', 'nobody/none'])(
    'that nobody serves is a validation error naming model: "%s"',
    (id) => {
      const gateway = gatewayOf({ apiKey: 'k' });
      expect(() => gateway.resolve(id)).toThrow(
        expect.objectContaining({
          code: 'validation_failed',
          details: expect.objectContaining({ errors: [expect.objectContaining({ path: 'model' })] }),
        }),
      );
      expect(gateway.find(id)).toBeUndefined();
    },
  );

  it('without a provider reaches the endpoint as it was written', async () => {
    const stub = await startStubProvider();
    try {
      const gateway = gatewayOf({ baseUrl: stub.url });
      const request = {
        model: 'meta-llama/Llama-3.3-70B',
        messages: [{ role: 'user' as const, content: 'Hi' }],
      };
      for await (const chunk of gateway.chat(request)) void chunk;
      expect(stub.requests[0]?.body.model).toBe('meta-llama/Llama-3.3-70B');
    } finally {
      await stub.close();
    }
  });
});

describe('the list of models', () => {
  it('shows the callable ones first and the others as not available', () => {
    const list = gatewayOf().list();
    expect(list[0]).toMatchObject({ id: 'agentflow/local', available: true });
    expect(list.slice(1).every((model) => !model.available)).toBe(true);
    expect(list.length).toBeGreaterThan(15);
  });

  it('of a custom endpoint shows what it is known to serve, not what OpenAI sells', () => {
    const gateway = gatewayOf({ baseUrl: 'http://127.0.0.1:1/v1', models: ['llama'] });
    expect(gateway.list().map((model) => model.id)).toEqual(['openai/llama', 'agentflow/local']);
    expect(gateway.find('openai/other')).toMatchObject({
      available: true,
      capabilities: { supportsTools: true, supportsStreaming: true, supportsVision: false },
      pricing: { inputPerMillionUsd: 0, outputPerMillionUsd: 0 },
    });
  });

  it('has no model without a price, a window and an id of its own', () => {
    const models = openAiModels();
    expect(new Set(models.map((model) => model.id)).size).toBe(models.length);
    for (const model of models) {
      expect(model.pricing.inputPerMillionUsd).toBeGreaterThan(0);
      expect(model.capabilities.contextWindow).toBeGreaterThan(4000);
      expect(model.pricing.cachedInputPerMillionUsd ?? 0).toBeLessThan(model.pricing.inputPerMillionUsd);
    }
  });

  it('knows the dated snapshots of a model', () => {
    expect(describeModel('openai', 'gpt-4.1-mini-2025-04-14')).toMatchObject({
      id: 'openai/gpt-4.1-mini-2025-04-14',
      capabilities: { contextWindow: 1_047_576 },
      pricing: { inputPerMillionUsd: 0.4 },
    });
  });
});

describe('the health of the gateway', () => {
  it('is degraded, not down, while one provider can answer', () => {
    expect(gatewayOf().status()).toEqual({ status: 'degraded', detail: 'openai: no API key' });
    expect(gatewayOf({ apiKey: 'k' }).status()).toEqual({ status: 'ok' });
  });
});

describe('the price of a call', () => {
  it('counts cached tokens at the full price where no other is known, and never more than the input', () => {
    const pricing = { inputPerMillionUsd: 2, outputPerMillionUsd: 4 };
    expect(costUsd(pricing, { inputTokens: 1e6, outputTokens: 1e6, cachedInputTokens: 5e5 })).toBe(6);
    const cached = { ...pricing, cachedInputPerMillionUsd: 1 };
    expect(costUsd(cached, { inputTokens: 1e6, outputTokens: 0, cachedInputTokens: 9e9 })).toBe(1);
  });
});
