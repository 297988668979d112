/**
 * The way of every request for cases: is it from where it may be, who asks, what may they see, then its answer, in time.
 */
import type { FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import { NOBODY_SIGNED_IN, type Person } from '../access/person.ts';
import type { Log } from '../observability/log.ts';
import type { Answer } from './answer.ts';
import type { CaseServices } from './case-services.ts';
import { createLook, type Look } from './look.ts';
import type { Asked } from './parameters.ts';
import { FROM_ELSEWHERE, NOT_LOCAL, NOT_SIGNED_IN, type Refusal, refusalOf, TOOK_TOO_LONG } from './refusal.ts';
import type { PageFrame, Send } from './send-answer.ts';
import { findSessionPerson } from './session.ts';
import { signInPath } from './sign-in-path.ts';
import { isLoadedFromElsewhere, isMeantForThisMachine, tellWhence } from './whence.ts';

const ANSWER_MS = 30_000;
/** Longer than an answer may take; the server's own limit is meant for requests that stop half-way. */
export const SOCKET_MS = 2 * ANSWER_MS;

export type Channel = 'page' | 'api';
export type Respond = (asked: Asked, look: Look) => Promise<Answer>;
export type HandleCases = (channel: Channel, respond: Respond) => RouteHandlerMethod;

export function createCaseHandler(
  services: CaseServices,
  send: Send,
  log: Log,
  { answerMs = ANSWER_MS } = {},
): HandleCases {
  const { signIn } = services;

  async function findPerson(
    request: FastifyRequest,
    reply: FastifyReply,
    channel: Channel,
    signal: AbortSignal,
  ): Promise<Person | null> {
    if (signIn === null) return NOBODY_SIGNED_IN;
    const { authorization } = request.headers;
    if (channel === 'page' || authorization === undefined) return findSessionPerson(signIn, request, reply);
    const bearer = await signIn.verifyBearer(authorization, signal);
    return 'person' in bearer ? bearer.person : null;
  }

  function refuseByWhence(request: FastifyRequest): Refusal | null {
    if (signIn === null && !isMeantForThisMachine(request)) return NOT_LOCAL;
    return isLoadedFromElsewhere(request) ? FROM_ELSEWHERE : null;
  }

  return (channel, respond) => async (request, reply) => {
    const frame: PageFrame = { signedInAs: null, formOrigins: signIn?.signOutOrigins ?? [] };
    const late = AbortSignal.timeout(answerMs);
    const signal = AbortSignal.any([late, untilGone(reply)]);
    request.socket.setTimeout(SOCKET_MS);

    async function answer(): Promise<Answer | null> {
      const person = await findPerson(request, reply, channel, signal);
      if (person === null) return channel === 'api' ? NOT_SIGNED_IN : null;
      if (signIn !== null) frame.signedInAs = person.displayName || person.id;
      const visible = await services.visibilityOf(person, signal);
      const from = tellWhence(request, channel);
      return respond(askedOf(request), createLook(services, log, { person, visible, from, signal }));
    }

    const elsewhere = refuseByWhence(request);
    if (elsewhere !== null) return send.refusal(request, reply, elsewhere);
    try {
      const given = await Promise.race([answer(), afterTime(late)]);
      if (given === null) return reply.redirect(signInPath(request.url), 303);
      return send.answer(request, reply, given, frame);
    } catch (err) {
      const refusal = late.aborted ? TOOK_TOO_LONG : refusalOf(err);
      if (!reply.raw.destroyed) noteFailure(log, err, refusal);
      return send.refusal(request, reply, refusal, frame);
    }
  };
}

export function noteFailure(log: Log, err: unknown, refusal: Refusal): void {
  if (refusal.refused === 503) log.warn({ err, part: 'web' }, 'something that was asked for is not available now');
  else log.error({ err, part: 'web' }, 'request could not be answered');
}

function askedOf({ url, params }: FastifyRequest): Asked {
  const question = url.indexOf('?');
  const parameters = new URLSearchParams(question < 0 ? '' : url.slice(question + 1));
  return { segment: (params as { caseId?: string }).caseId ?? '', parameters };
}

/** Aborts when nobody waits for the answer any more. */
function untilGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}

/** Also where something does not heed its signal. */
function afterTime(late: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => late.addEventListener('abort', () => reject(late.reason), { once: true }));
}
