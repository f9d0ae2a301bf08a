# syntax=docker/dockerfile:1
# Pin the digest where you build (node:24-bookworm-slim@sha256:…): a tag may move, a digest may not.
ARG NODE=node:24-bookworm-slim

FROM ${NODE} AS build
WORKDIR /app
# The install generates the Prisma client, for which it needs the schema and the script.
COPY package.json package-lock.json prisma.config.ts ./
COPY scripts/generate-client.js scripts/
COPY prisma prisma
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npx tsc -p tsconfig.build.json

FROM ${NODE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY scripts/generate-client.js scripts/
RUN npm ci --omit=dev

FROM ${NODE}
ENV NODE_ENV=production PORT=8080
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json ./
COPY bin bin
# The schema and migrations of `daypass migrate`, and the policies that decide.
COPY prisma prisma
COPY policies policies
# Nothing in the image is writable by the process that runs it.
USER node
EXPOSE 8080
# Always from inside the container, so plain http to itself, whatever ISSUER says.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
