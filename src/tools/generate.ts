import { living } from '../agents/agents';
import { findAgent } from '../agents/find';
import { DomainError, invalid } from '../errors';
import { jsonAnswer, plainAnswer } from '../models/answer-text';
import type { Principal } from '../ports/identity';
import type { ChatChunk, ModelGateway, ModelMessage } from '../ports/models';
import type { JsonObject, JsonValue } from '../ports/records';
import type { Sandbox, SandboxLanguage, SourceFacts } from '../ports/sandbox';
import type { TenantStore } from '../ports/stores';
import { TOOL_NAME } from './definition';
import { mendSchema } from './schema';

const DESCRIPTION_CHARACTERS = 10_000;

export interface GenerateInput {
  description: string;
  language?: SandboxLanguage | null;
  /** What is known of the parameters: a JSON schema or descriptions by name. */
  parameters?: JsonValue;
  model?: string | null;
}

export interface GeneratedTool {
  name: string;
  description: string;
  functionCode: string;
  argsSchema: JsonObject;
  language: SandboxLanguage;
  model: string;
}

export interface GeneratorDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  models: ModelGateway;
  sandbox: Sandbox;
  /** The model that writes tools for this user. */
  modelFor: (principal: Principal) => Promise<string>;
  /** The model that cannot: it has no knowledge of its own. */
  offlineModel: string;
}

const ANSWER_SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', description: 'snake_case name of the function' },
    description: { type: 'string', description: 'one sentence for the model that will call it' },
    function_code: { type: 'string', description: 'the whole source' },
  },
  required: ['name', 'description', 'function_code'],
  additionalProperties: false,
};

/** Writes the source of a tool from a description. Nothing is kept; the caller tries it and persists it. */
export class ToolGenerator {
  constructor(private readonly dependencies: GeneratorDependencies) {}

  /**
   * @throws DomainError `connector_not_configured` without a generative model, `output_invalid` when the model's source
   *   cannot be read twice
   */
  async generate(principal: Principal, agentId: string, input: GenerateInput): Promise<GeneratedTool> {
    living(await findAgent(await this.dependencies.open(principal.tenant), agentId), agentId);
    if (input.description.trim() === '') throw invalid('description', 'must not be empty');
    if (input.description.length > DESCRIPTION_CHARACTERS)
      throw invalid('description', `must have at most ${DESCRIPTION_CHARACTERS} characters`);
    const model = input.model ?? (await this.dependencies.modelFor(principal));
    if (model === this.dependencies.offlineModel)
      throw new DomainError(
        'connector_not_configured',
        'Writing a tool needs a generative model: set OPENAI_API_KEY, or OPENAI_BASE_URL, or name a model.',
      );
    this.dependencies.models.resolve(model);
    const language = input.language ?? 'python';
    const messages: ModelMessage[] = [
      { role: 'system', content: instructions(language) },
      { role: 'user', content: request(input) },
    ];
    for (let attempt = 0; ; attempt++) {
      const answer = await this.ask(model, messages);
      const read = await this.read(answer, language);
      if (!('problem' in read)) return { ...read, language, model };
      if (attempt > 0)
        throw new DomainError('output_invalid', `The model wrote no usable tool: ${read.problem}`, {
          extra: { retryable: true },
        });
      messages.push(
        { role: 'assistant', content: answer },
        {
          role: 'user',
          content: `That cannot be used: ${read.problem}. Answer again with the corrected JSON alone.`,
        },
      );
    }
  }

  private async ask(model: string, messages: ModelMessage[]): Promise<string> {
    const responseFormat = { name: 'tool', schema: ANSWER_SCHEMA };
    let done: Extract<ChatChunk, { type: 'done' }> | undefined;
    for await (const chunk of this.dependencies.models.chat({
      model,
      messages,
      responseFormat,
      temperature: 0,
    }))
      if (chunk.type === 'done') done = chunk;
    return done?.text ?? '';
  }

  private async read(
    text: string,
    language: SandboxLanguage,
  ): Promise<
    { name: string; description: string; functionCode: string; argsSchema: JsonObject } | { problem: string }
  > {
    const answer = parse(text);
    if (!answer) return { problem: 'it is no JSON object with name, description and function_code' };
    const { name, description, function_code: functionCode } = answer;
    if (!TOOL_NAME.test(name)) return { problem: `the name ${name} does not match ${TOOL_NAME.source}` };
    let facts: SourceFacts;
    try {
      facts = await this.dependencies.sandbox.inspect(functionCode, language);
    } catch (error) {
      if (error instanceof DomainError && error.code === 'validation_failed')
        return { problem: error.message };
      throw error;
    }
    return { name, description, functionCode, argsSchema: mendSchema(facts.parameters) };
  }
}

function parse(text: string): { name: string; description: string; function_code: string } | undefined {
  const answer = jsonAnswer(text)?.value;
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return undefined;
  const { name, description, function_code: code } = answer;
  if (typeof name !== 'string' || typeof description !== 'string' || typeof code !== 'string')
    return undefined;
  return { name, description, function_code: withoutFence(code) };
}

/** Models fence the source within the JSON, too. */
const withoutFence = (code: string): string =>
  code.trimStart().startsWith('```') ? plainAnswer(code) : code;

const instructions = (language: SandboxLanguage): string =>
  [
    `Write one tool as a single top-level ${language === 'python' ? 'Python function with type annotations and a docstring that describes every parameter' : 'JavaScript function with JSDoc that describes every parameter'}.`,
    'It runs in a sandbox: standard library only, no network, no files, no environment.',
    'It takes its input as parameters and returns a value that can be written as JSON.',
    'Answer with a JSON object: name, description, function_code.',
  ].join('\n');

const request = ({ description, parameters }: GenerateInput): string =>
  parameters === undefined || parameters === null
    ? description
    : `${description}\n\nParameters: ${JSON.stringify(parameters)}`;
