import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import fastify, { type FastifyInstance } from 'fastify';
import { createCaseHandler, type Respond } from '../../../src/web/case-handler.ts';
import { createSend } from '../../../src/web/send-answer.ts';
import { stubCaseServices } from '../../support/builders-cases.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { ask } from './a-server.ts';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

async function aServerOf(respond: Respond, answerMs?: number) {
  const log = createRememberingLog();
  const app = fastify();
  const handle = createCaseHandler(
    stubCaseServices(),
    createSend(null),
    log,
    answerMs === undefined ? {} : { answerMs },
  );
  app.get('/api/x', handle('api', respond));
  apps.push(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/api/x`, log };
}

describe('an answer', () => {
  test('that takes too long is given up, even where something does not heed its signal', async () => {
    let given: AbortSignal | null = null;
    const { url, log } = await aServerOf((_asked, { signal }) => {
      given = signal;
      return new Promise(() => undefined);
    }, 20);

    const { status, text } = await ask(url);

    expect([status, JSON.parse(text).message]).toEqual([503, expect.stringMatching(/took too long/)]);
    expect((given as AbortSignal | null)?.aborted).toBe(true);
    expect(log.lines).toMatchObject([{ level: 'warn' }]);
  });

  test('that nobody waits for any more is given up without a word', async () => {
    let begin = (_signal: AbortSignal): void => undefined;
    const begun = new Promise<AbortSignal>((resolve) => {
      begin = resolve;
    });
    const { url, log } = await aServerOf(async (_asked, { signal }) => {
      begin(signal);
      await once(signal, 'abort');
      throw signal.reason;
    });
    const request = http.get(url).on('error', () => undefined);

    const signal = await begun;
    request.destroy();
    await (signal.aborted ? null : once(signal, 'abort'));
    await ask(`${url}/nobody`);

    expect(log.lines).toEqual([]);
  });
});
