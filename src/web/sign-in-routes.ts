import type { FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import type { Log } from '../observability/log.ts';
import { safeReturnTo } from '../sign-in/return-to.ts';
import type { Answer } from './answer.ts';
import { noteFailure, SOCKET_MS } from './case-handler.ts';
import type { SignIn } from './case-services.ts';
import { giveCookie, readCookie } from './cookies.ts';
import { FROM_ELSEWHERE, refusalOf, wrong } from './refusal.ts';
import type { Routes } from './routes.ts';
import { pageUrlOf } from './security-headers.ts';
import type { Send } from './send-answer.ts';
import { findSessionPerson } from './session.ts';
import { isSentFromElsewhere } from './whence.ts';

const CALLBACK = '/sign-in/callback';
const SIGNED_OUT = '/signed-out';
const CLOSE_IT = 'Close the window if others use this computer too.';

type Handle = (request: FastifyRequest, reply: FastifyReply, pageUrl: URL) => Promise<FastifyReply>;

export function addSignInRoutes(routes: Routes, signIn: SignIn, send: Send, log: Log): void {
  const handled = (handle: Handle): RouteHandlerMethod => {
    return async (request, reply) => {
      request.socket.setTimeout(SOCKET_MS);
      const pageUrl = pageUrlOf(request);
      if (pageUrl === null)
        return send.refusal(request, reply, wrong('The request does not say which host it is for.'));
      try {
        return await handle(request, reply, pageUrl);
      } catch (err) {
        const refusal = refusalOf(err);
        noteFailure(log, err, refusal);
        return send.refusal(request, reply, refusal);
      }
    };
  };

  routes.get(
    '/sign-in',
    handled(async (request, reply, pageUrl) => {
      const returnTo = safeReturnTo(pageUrl.searchParams.get('return'));
      if ((await findSessionPerson(signIn, request, reply)) !== null) return reply.redirect(returnTo, 303);
      const { url, stateCookie } = await signIn.begin({ redirectUri: new URL(CALLBACK, pageUrl).href, returnTo });
      giveCookie(reply, signIn.stateCookie(pageUrl), stateCookie);
      return reply.redirect(url, 303);
    }),
  );
  routes.get(
    CALLBACK,
    handled(async (request, reply, pageUrl) => {
      const begun = signIn.stateCookie(pageUrl);
      const finished = await signIn.finish({ currentUrl: pageUrl, stateCookie: readCookie(request, begun) });
      giveCookie(reply, begun, null);
      giveCookie(reply, signIn.sessionCookie(pageUrl), finished.sessionCookie);
      return reply.redirect(safeReturnTo(finished.returnTo), 303);
    }),
  );
  routes.post(
    '/sign-out',
    handled(async (request, reply, pageUrl) => {
      if (isSentFromElsewhere(request)) return send.refusal(request, reply, FROM_ELSEWHERE);
      const session = signIn.sessionCookie(pageUrl);
      const url = await signIn.end({
        sessionCookie: readCookie(request, session),
        postLogoutRedirectUri: new URL(SIGNED_OUT, pageUrl).href,
      });
      giveCookie(reply, session, null);
      if (url === null) return reply.redirect(SIGNED_OUT, 303);
      const mayLead = signIn.signOutOrigins.includes(new URL(url).origin);
      return mayLead ? reply.redirect(url, 303) : send.answer(request, reply, signedOutHere(url));
    }),
  );
  routes.get(SIGNED_OUT, async (request, reply) => {
    return send.answer(request, reply, message('You are signed out', CLOSE_IT, { href: '/sign-in', text: 'Sign in' }));
  });
}

/** The policy of the page that sent the form does not let a redirect lead there. */
function signedOutHere(url: string): Answer {
  const what = 'The service that signs you in may still know you.';
  return message('You are signed out here', what, { href: url, text: 'Sign out there too' });
}

function message(heading: string, text: string, link: { href: string; text: string }): Answer {
  return { page: 'message', title: heading, data: { heading, message: text, link }, runningHeaders: [] };
}
