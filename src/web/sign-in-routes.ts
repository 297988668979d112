import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../observability/log.ts';
import { note } from './case-handler.ts';
import type { SignIn } from './case-services.ts';
import { FROM_ELSEWHERE, refusalOf, SIGN_IN_FAILED } from './refusal.ts';
import { safeReturnPath } from './return-path.ts';
import type { Routes } from './routes.ts';
import { originOf } from './security-headers.ts';
import type { PageFrame, Send } from './send-answer.ts';
import { isSentFromElsewhere } from './whence.ts';

const SIGN_IN_MS = 15_000;
const SIGNED_OUT = {
  page: 'message',
  title: 'Signed out',
  data: {
    heading: 'You are signed out',
    message: 'Close the window if others use this computer too.',
    offersSignIn: true,
  },
  runningHeaders: [],
} as const;

export function addSignInRoutes(routes: Routes, signIn: SignIn, send: Send, log: Log): void {
  type Handle = (request: FastifyRequest, reply: FastifyReply, signal: AbortSignal) => Promise<FastifyReply>;
  const handled = (handle: Handle) => async (request: FastifyRequest, reply: FastifyReply) => {
    try {
      return await handle(request, reply, AbortSignal.timeout(SIGN_IN_MS));
    } catch (err) {
      const refusal = refusalOf(err);
      note(log, err, refusal);
      return send.refusal(request, reply, refusal);
    }
  };

  routes.get(
    '/sign-in',
    handled(async (request, reply, signal) => {
      const returnTo = safeReturnPath(new URLSearchParams(queryOf(request)).get('return'));
      if ((await signIn.findSession(request.headers.cookie)) !== null) return reply.redirect(returnTo, 303);
      const { location, setCookies } = await signIn.begin({ origin: originOf(request), returnTo }, signal);
      return withCookies(reply, setCookies).redirect(location, 303);
    }),
  );
  routes.get(
    '/sign-in/callback',
    handled(async (request, reply, signal) => {
      const back = { origin: originOf(request), query: queryOf(request), cookies: request.headers.cookie };
      const finished = await signIn.finish(back, signal);
      if (finished === null) return send.refusal(request, reply, SIGN_IN_FAILED);
      return withCookies(reply, finished.setCookies).redirect(safeReturnPath(finished.returnTo), 303);
    }),
  );
  routes.post(
    '/sign-out',
    handled(async (request, reply, signal) => {
      if (isSentFromElsewhere(request)) return send.refusal(request, reply, FROM_ELSEWHERE);
      const from = { origin: originOf(request), cookies: request.headers.cookie };
      const { location, setCookies } = await signIn.end(from, signal);
      return withCookies(reply, setCookies).redirect(location, 303);
    }),
  );
  routes.get('/signed-out', async (request, reply) => {
    const frame: PageFrame = { signedInAs: null, formOrigins: [] };
    return send.answer(request, reply, SIGNED_OUT, frame);
  });
}

/** With its question mark. */
function queryOf({ url }: FastifyRequest): string {
  const question = url.indexOf('?');
  return question < 0 ? '' : url.slice(question);
}

function withCookies(reply: FastifyReply, setCookies: readonly string[]): FastifyReply {
  for (const cookie of setCookies) reply.header('Set-Cookie', cookie);
  return reply;
}
