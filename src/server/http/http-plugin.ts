import type { FastifyInstance } from "fastify";

/** Adds its paths to the HTTP server. Its hooks, parsers and plugins apply to its own paths only. */
export type HttpPlugin = (scope: FastifyInstance) => void | Promise<void>;
