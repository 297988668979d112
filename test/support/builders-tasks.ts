import { createEngineExternalTasks } from '../../src/engine/engine-external-tasks.ts';
import { createHttpClient } from '../../src/http/http-client.ts';
import { createTopicWorker, type TopicWorker, type TopicWorkerOptions } from '../../src/tasks/topic-worker.ts';
import { createRememberingLog } from './builders-log.ts';
import { type StubEngine, startStubEngine } from './stub-external-tasks.ts';

/** A worker on both topics of a stubbed engine, which ends with the test. */
export function createWorkerWorld() {
  const ends: (() => Promise<void>)[] = [];

  async function aWorker(given: Partial<TopicWorkerOptions> = {}) {
    const engine = await startStubEngine();
    const log = createRememberingLog();
    const lost: string[] = [];
    const http = createHttpClient({
      baseUrl: engine.url,
      auth: { kind: 'none' },
      timeoutMs: 2_000,
      codes: { unavailable: 'ENGINE_UNAVAILABLE', rejected: 'ENGINE_REJECTED' },
      maxSockets: 16,
    });
    const worker = createTopicWorker({
      url: engine.url,
      authorization: async () => null,
      onUnauthorized: () => undefined,
      topics: ['user-task-completed', 'convention-variable'],
      externalTasks: createEngineExternalTasks(http),
      concurrency: 4,
      longPollMs: 200,
      handle: async () => ({ kind: 'complete' }),
      reportThrown: (error) => ({
        kind: 'fail',
        errorMessage: String((error as Error).message),
        errorDetails: 'stack',
        retries: 2,
        retryTimeoutMs: 5_000,
      }),
      onLockLost: (topic) => {
        lost.push(topic);
      },
      log,
      ...given,
    });
    ends.push(async () => {
      await worker.stop(AbortSignal.abort());
      http.close();
      await engine.stop();
    });
    return { worker, engine, log, lost } satisfies {
      worker: TopicWorker;
      engine: StubEngine;
      log: unknown;
      lost: unknown;
    };
  }

  return {
    aWorker,
    async end(): Promise<void> {
      for (const end of ends.splice(0)) await end();
    },
  };
}
