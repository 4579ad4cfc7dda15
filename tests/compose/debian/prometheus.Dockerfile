# Prometheus from Debian's package, with the places of the public image.
ARG BASE=debian:bookworm-20250520-slim
FROM ${BASE}
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends prometheus && \
    rm -rf /var/lib/apt/lists/* && install -d -o prometheus -g prometheus /prometheus
USER prometheus
ENTRYPOINT ["/usr/bin/prometheus"]
