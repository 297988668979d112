import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods, RouteHandlerMethod } from 'fastify';
import { NO_SUCH_METHOD } from './refusal.ts';
import type { Send } from './send-answer.ts';

const METHODS: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Adds paths; what a path does not take is refused before a body is read. */
export type Routes = {
  /** And HEAD. */
  get(path: string, handler: RouteHandlerMethod): void;
  post(path: string, handler: RouteHandlerMethod): void;
};

export function createRoutes(app: FastifyInstance, send: Send): Routes {
  function refuseOthers(url: string, allowed: HTTPMethods[]): void {
    const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
      send.refusal(request, reply.header('Allow', allowed.join(', ')), NO_SUCH_METHOD);
    const method = METHODS.filter((each) => !allowed.includes(each));
    app.route({ method, url, onRequest: refuse, handler: refuse });
  }
  return {
    get(path, handler) {
      app.get(path, handler);
      refuseOthers(path, ['GET', 'HEAD']);
    },
    post(path, handler) {
      app.post(path, handler);
      refuseOthers(path, ['POST']);
    },
  };
}
