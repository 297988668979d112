import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { safeContentType } from '../vault/object-layout.ts';
import type { Answer, Content } from './answer.ts';
import { contentDisposition } from './content-disposition.ts';
import { isRefusal, NOT_SIGNED_IN, NOTHING_HERE, type Refusal } from './refusal.ts';
import type { RenderPage } from './render-page.ts';
import { pagePolicy, setSecurityHeaders } from './security-headers.ts';

/** Who looks at the page, and where its forms may lead beside this server. */
export type PageFrame = { signedInAs: string | null; formOrigins: readonly string[] };

const NO_FRAME: PageFrame = { signedInAs: null, formOrigins: [] };
const HOME = { href: '/cases', text: 'Find a case' };
const SIGN_IN = { href: '/sign-in', text: 'Sign in' };
const RETRY_SECONDS = 30;
const HEADINGS: Record<Refusal['refused'], string> = {
  400: 'This cannot be asked like that',
  401: 'Not signed in',
  403: 'Not allowed from here',
  404: 'Not found',
  405: 'Not possible',
  421: 'Another address',
  500: 'Something went wrong',
  503: 'Not available now',
};

export type Send = {
  answer(request: FastifyRequest, reply: FastifyReply, answer: Answer, frame?: PageFrame): FastifyReply;
  refusal(request: FastifyRequest, reply: FastifyReply, refusal: Refusal, frame?: PageFrame): FastifyReply;
};

/** `render`: `null` where there are no pages. */
export function createSend(render: RenderPage | null): Send {
  const send: Send = {
    answer(request, reply, answer, frame = NO_FRAME) {
      if (isRefusal(answer)) return send.refusal(request, reply, answer, frame);
      if ('content' in answer) return sendContent(request, reply, answer);
      if ('json' in answer) return reply.type('application/json; charset=utf-8').send(JSON.stringify(answer.json));
      return render === null
        ? send.refusal(request, reply, NOTHING_HERE)
        : sendPage(reply, render({ ...answer, signedInAs: frame.signedInAs }), frame);
    },
    refusal(request, reply, refusal, frame = NO_FRAME) {
      const { refused, error, message } = refusal;
      setSecurityHeaders(request, reply);
      reply.code(refused);
      if (refused === 401) reply.header('WWW-Authenticate', 'Bearer');
      if (refused === 503) reply.header('Retry-After', RETRY_SECONDS);
      if (request.url.startsWith('/api/')) return reply.send({ error, message });
      if (render === null || !wantsPage(request)) return reply.send({ error });
      const heading = HEADINGS[refused];
      const link = error === NOT_SIGNED_IN.error ? SIGN_IN : HOME;
      const page = { page: 'message', title: heading, data: { heading, message, link }, runningHeaders: [] } as const;
      return sendPage(reply, render({ ...page, signedInAs: frame.signedInAs }), frame);
    },
  };
  return send;
}

/** A browser says so; whoever accepts anything gets a page too where pages are. */
function wantsPage({ url, headers }: FastifyRequest): boolean {
  return /^\/(cases|sign)/.test(url) || /\btext\/html\b/.test(headers.accept ?? '');
}

function sendPage(
  reply: FastifyReply,
  { html, styleHash }: ReturnType<RenderPage>,
  { formOrigins }: PageFrame,
): FastifyReply {
  return reply
    .header('Content-Security-Policy', pagePolicy({ styleHash, formOrigins }))
    .type('text/html; charset=utf-8')
    .send(html);
}

function sendContent(
  request: FastifyRequest,
  reply: FastifyReply,
  { content, contentType, fileName }: Content,
): FastifyReply {
  if (fileName !== null) reply.header('Content-Disposition', contentDisposition(fileName));
  reply.type(safeContentType(contentType));
  if (content instanceof Uint8Array) {
    return reply.send(Buffer.from(content.buffer, content.byteOffset, content.byteLength));
  }
  reply.header('Content-Length', content.bytes);
  // Nobody reads what would be sent to a HEAD.
  return reply.send(Readable.from(request.method === 'HEAD' ? [] : content.parts, { objectMode: false }));
}
