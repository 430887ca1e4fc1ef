import type { FastifyInstance } from "fastify";

/** Adds its paths to the HTTP server. Hooks, parsers and plugins that it adds are for its own paths alone. */
export type HttpPlugin = (scope: FastifyInstance) => void | Promise<void>;
