# dnslet on a slim Debian (glibc: musl's sendmmsg is a loop). Builds for amd64 and arm64.
#
#   BUILD_BASE  has Node.js 24 and npm
#   BASE        becomes the image: Debian or Ubuntu; Node.js comes from BUILD_BASE
#
# A tag names another image tomorrow. For an image that can be built again, name both by digest, of the
# multi-platform index (`docker buildx imagetools inspect debian:bookworm-slim` prints it):
#
#   docker build --build-arg BUILD_BASE=node@sha256:… --build-arg BASE=debian@sha256:… .
#
# The label org.opencontainers.image.base.name says which one it was.
ARG BUILD_BASE=node:24-bookworm-slim
ARG BASE=debian:bookworm-slim

FROM ${BUILD_BASE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
# No package runs anything of its own here.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY .build .build
COPY src src
RUN npm run --silent build \
 && cp "$(node -p process.execPath)" /usr/local/bin/dnslet-node

FROM ${BUILD_BASE} AS modules
WORKDIR /src
COPY package.json package-lock.json ./
# Not `--omit dev` for the SBOM: npm 11 then leaves out what development needs too.
RUN npm ci --omit dev --ignore-scripts --no-audit --no-fund \
 && npm pkg delete devDependencies \
 && npm run --silent sbom > sbom.cdx.json

FROM ${BASE}
# nft and iptables for the rules; Node.js needs libstdc++6. No init beside it: the daemon handles its
# signals itself, the watchdog's included, and leaves no zombies.
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
    iptables libstdc++6 nftables \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf /var/log/*
WORKDIR /opt/dnslet
COPY --from=build /usr/local/bin/dnslet-node /usr/local/bin/node
COPY --from=modules /src/node_modules node_modules
COPY --from=build /src/dist dist
COPY --from=modules /src/sbom.cdx.json /src/package.json ./
COPY bin bin
# koffi's install script, which did not run, would have looked for its binary: the image does, in place.
RUN /usr/local/bin/node --input-type=commonjs --eval \
    "if (require('koffi').load('libc.so.6').func('int getpid()')() !== process.pid) process.exit(1)"
COPY LICENSE ./
# The second name is node-cache's, for manifests that name the program.
RUN ln -s /opt/dnslet/bin/dnslet /usr/local/bin/dnslet \
 && ln -s /opt/dnslet/bin/dnslet /node-cache

ARG VERSION=0.1.0
ARG REVISION=
ARG BASE
LABEL org.opencontainers.image.title="dnslet" \
      org.opencontainers.image.description="A node-local caching DNS proxy for Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production
# Manifests drop every capability but NET_ADMIN and NET_BIND_SERVICE, and both only help root.
USER 0
EXPOSE 53/udp 53/tcp
ENTRYPOINT ["/usr/local/bin/dnslet"]
