import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Record<string, unknown>;
export type Word = { taskId: string; verb: string; body: Json };
export type Respond = (request: IncomingMessage, response: ServerResponse) => void;

/** The part of an engine that workers talk to: hands tasks out, parks polls, hears what is said about tasks. */
export type StubEngine = Awaited<ReturnType<typeof startStubEngine>>;

export async function startStubEngine() {
  const waiting: Json[] = [];
  const polls: Json[] = [];
  const authorizations: (string | undefined)[] = [];
  const words: Word[] = [];
  const pollFaults: Respond[] = [];
  const wordFaults: { verb: string; respond: Respond }[] = [];
  const parked = new Set<() => void>();

  function handOut(response: ServerResponse, poll: Json): boolean {
    if (waiting.length === 0) return false;
    answer(response, 200, waiting.splice(0, Number(poll.maxTasks)));
    return true;
  }

  function park(response: ServerResponse, poll: Json): void {
    const end = () => {
      clearTimeout(timer);
      parked.delete(wake);
    };
    const wake = () => {
      if (handOut(response, poll)) end();
    };
    const timer = setTimeout(() => {
      end();
      answer(response, 200, []);
    }, Number(poll.asyncResponseTimeout));
    parked.add(wake);
    response.on('close', end);
  }

  const listener: RequestListener = async (request, response) => {
    const body = (await readJson(request)) as Json;
    const [, , , id = '', verb = ''] = (request.url ?? '').split('/');
    if (id === 'fetchAndLock') {
      polls.push(body);
      authorizations.push(request.headers.authorization);
      const fault = pollFaults.shift();
      if (fault !== undefined) fault(request, response);
      else if (!handOut(response, body)) park(response, body);
      return;
    }
    words.push({ taskId: id, verb, body });
    const fault = wordFaults.findIndex((each) => each.verb === verb);
    if (fault < 0) answer(response, 204);
    else wordFaults.splice(fault, 1)[0]?.respond(request, response);
  };

  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/engine-rest`,
    /** The bodies of the polls, and what signed them in. */
    polls,
    authorizations,
    words,
    /** How the next polls are answered. */
    pollFaults,
    /** How the next words with a verb are answered. */
    wordFaults,
    parked: () => parked.size,
    said: (verb: string) => words.filter((each) => each.verb === verb),
    add(...tasks: Json[]): void {
      waiting.push(...tasks);
      for (const wake of parked) wake();
    },
    async stop(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const aLockedRow = (id: string, given: Json = {}): Json => ({
  id,
  topicName: 'user-task-completed',
  executionId: `execution of ${id}`,
  processInstanceId: `instance of ${id}`,
  processDefinitionKey: 'formvault-persist',
  businessKey: `task/${id}`,
  tenantId: null,
  retries: null,
  errorMessage: null,
  variables: { source: { type: 'Json', value: '{"form":"site-visit"}', valueInfo: {} } },
  ...given,
});

/** As the engine itself answers. */
export function answer(response: ServerResponse, status: number, body?: unknown, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

export const LOCKED_BY_ANOTHER = {
  type: 'RestException',
  message: "External Task t-1 cannot be completed by worker 'a'. It is locked by worker 'b'.",
  code: 0,
};

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || '{}');
}
