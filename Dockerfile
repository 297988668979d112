FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build --chown=root:root /app/package.json ./
COPY --from=build --chown=root:root /app/node_modules ./node_modules
COPY --from=build --chown=root:root /app/dist ./dist
COPY --chown=root:root bin ./bin
COPY --chown=root:root bpmn ./bpmn
RUN ln -s /app/bin/formvault.js /usr/local/bin/formvault && mkdir data && chown node:node data
VOLUME /app/data
USER node
ENTRYPOINT ["node", "--enable-source-maps", "dist/main.js"]
CMD ["serve"]
