/** Pages, API, sign-in and assets: everything that shows cases. */
import type { RouteHandlerMethod } from 'fastify';
import type { Log } from '../observability/log.ts';
import { readCase, searchCases } from './api/cases.ts';
import { OPENAPI } from './api/openapi.ts';
import type { Assets } from './assets.ts';
import { createCaseHandler } from './case-handler.ts';
import type { CaseServices } from './case-services.ts';
import { showCase } from './pages/case.ts';
import { findCase } from './pages/find-case.ts';
import { printCase } from './pages/print-case.ts';
import { downloadAttachment, showStored, showSubmission } from './pages/submission.ts';
import type { Routes } from './routes.ts';
import type { Send } from './send-answer.ts';
import { addSignInRoutes } from './sign-in-routes.ts';

const ASSET_CACHE = 'public, max-age=31536000, immutable';

export function addCaseRoutes(routes: Routes, services: CaseServices, assets: Assets, send: Send, log: Log): void {
  const handle = createCaseHandler(services, send, log);
  const handlers: Record<string, RouteHandlerMethod> = {
    '/cases': handle('page', findCase),
    '/cases/:caseId': handle('page', showCase),
    '/cases/:caseId/submission': handle('page', showSubmission),
    '/cases/:caseId/attachment': handle('page', downloadAttachment),
    '/cases/:caseId/print': handle('page', printCase),
    '/api/workflow/cases': handle('api', searchCases),
    '/api/workflow/cases/:caseId': handle('api', readCase),
    '/api/workflow/cases/:caseId/submission': handle('api', showStored),
    '/api/openapi.json': (request, reply) => send.answer(request, reply, { json: OPENAPI }),
    '/': (_request, reply) => reply.redirect('/cases', 303),
    '/cases/': (_request, reply) => reply.redirect('/cases', 303),
  };
  for (const [path, handler] of Object.entries(handlers)) routes.get(path, handler);

  for (const { path, contentType, body } of Object.values(assets)) {
    routes.get(path, (_request, reply) => reply.header('Cache-Control', ASSET_CACHE).type(contentType).send(body));
  }
  if (services.signIn !== null) addSignInRoutes(routes, services.signIn, send, log);
}
