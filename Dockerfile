# syntax=docker/dockerfile:1
# The service in a container, for amd64 and arm64: see docs/container.md.
FROM python:3.12-slim AS build

# A version of a package is not kept in Debian's archive for long.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*

# What llama.cpp is built from comes first: a change of the program alone builds nothing of it again.
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
COPY scripts/build_llama.py scripts/llama.cmake scripts/
COPY container/build container/
RUN container/build /opt/autoglm-lite /tmp/work llama

COPY . .
RUN container/build /opt/autoglm-lite /tmp/work program

FROM python:3.12-slim

# llama.cpp computes with OpenMP; /var/lib/autoglm-lite holds the key, models and what answers leave to go on from.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home --shell /usr/sbin/nologin autoglm-lite \
    && install -d -m 700 -o autoglm-lite -g autoglm-lite \
        /var/lib/autoglm-lite /var/lib/autoglm-lite/data /var/lib/autoglm-lite/data/models

COPY --from=build /opt/autoglm-lite /opt/autoglm-lite
RUN ln -s /opt/autoglm-lite/start /usr/local/bin/autoglm-lite

USER 1000
ENV AUTOGLM_LITE_HOME=/var/lib/autoglm-lite
VOLUME /var/lib/autoglm-lite
EXPOSE 8484
# Docker may give containers a proxy, which knows nothing of what is in here.
HEALTHCHECK --interval=60s --timeout=10s --start-period=10s \
    CMD ["/opt/autoglm-lite/env/bin/python", "-I", "-S", "-c", "from urllib.request import *; build_opener(ProxyHandler({})).open('http://127.0.0.1:8484/health', timeout=9)"]

# Inside, all addresses; outside, what -p says. Other containers call it by the name autoglm-lite.
ENTRYPOINT ["/opt/autoglm-lite/start"]
CMD ["serve", "--host", "0.0.0.0", "--host", "autoglm-lite", "--port", "8484"]
