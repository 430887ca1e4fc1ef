# syntax=docker/dockerfile:1

# The service alone, for DATABASE_URL, SECRET_KEYS and AUTH_ISSUER of your own: docs/deployment.md says how to run it, and what of
# this file was tried without a Docker engine.

ARG NODE_IMAGE=node:26-bookworm-slim

FROM ${NODE_IMAGE} AS modules
WORKDIR /opt/connectory
COPY package.json package-lock.json .npmrc ./
# The optional dependencies are the embedded PostgreSQL, which is not for a container without a volume.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
# PID 1 ignores signals until a program handles them; tini passes them on, and reaps processes.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/connectory
COPY --from=modules /opt/connectory/node_modules node_modules/
COPY package.json LICENSE ./
COPY gen gen/
COPY src src/
COPY deploy/health-check.js deploy/
ENV NODE_ENV=production \
  GRPC_ADDR=0.0.0.0:50051 \
  HTTP_ADDR=0.0.0.0:8080 \
  DATA_DIR=/var/lib/connectory
RUN install --directory --owner=node --group=node --mode=0700 /var/lib/connectory
USER node
EXPOSE 50051 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "deploy/health-check.js"]
ENTRYPOINT ["tini", "--"]
CMD ["node", "src/main.ts"]
