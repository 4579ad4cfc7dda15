# The collector, as an ordinary user. See worker-python.Dockerfile.
ARG BASE=debian:bookworm-20250520-slim
ARG COMPILED=assay/compiled

FROM ${BASE} AS base
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        librabbitmq4 libjansson4 libconfig9 libssl3 libpq5 libmicrohttpd12 && \
    rm -rf /var/lib/apt/lists/* && find / -xdev -type f -perm /6000 -exec chmod a-s {} + && \
    useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin assay && mkdir -p /assay/checks
COPY compose/images/checks/base compose/images/healthy /assay/checks/
RUN /assay/checks/base

FROM ${COMPILED} AS compiled

FROM base AS harness
COPY --from=compiled /install/usr/local/share/assay/conf /usr/local/share/assay/conf
COPY --from=compiled /install/usr/local/bin/assay-collector /usr/local/bin/
COPY compose/images/checks/harness /assay/checks/
RUN /assay/checks/harness collector
USER assay
# A database that was migrated is left as it is; several collectors take turns.
CMD ["sh", "-c", "/usr/local/bin/assay-collector migrate && exec /usr/local/bin/assay-collector run"]

FROM harness AS image
ARG NAME=collector
ARG VERSION=0
ARG BUILT_AT=
COPY compose/images/manifest /assay/
USER root
RUN /assay/manifest "$NAME" "$VERSION" "$BUILT_AT" >/image-manifest.json
USER assay
