# An executor of C, C++ and bash tasks: worker and compilers. See worker-python.Dockerfile.
ARG BASE=debian:bookworm-20250520-slim
ARG COMPILED=assay/compiled

FROM ${BASE} AS base
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        librabbitmq4 libjansson4 libconfig9 libmicrohttpd12 libssl3 libseccomp2 && \
    rm -rf /var/lib/apt/lists/* && find / -xdev -type f -perm /6000 -exec chmod a-s {} + && \
    mkdir -p -m 1777 /work && mkdir -p /assay/checks /shared
COPY compose/images/checks/base compose/images/healthy /assay/checks/
RUN /assay/checks/base

FROM base AS runtime
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc g++ libc6-dev bash && \
    rm -rf /var/lib/apt/lists/*
COPY compose/images/checks/runtime /assay/checks/
RUN /assay/checks/runtime native

FROM runtime AS frameworks
COPY compose/images/checks/frameworks /assay/checks/
RUN /assay/checks/frameworks native

FROM ${COMPILED} AS compiled

FROM frameworks AS harness
COPY --from=compiled /install/usr/local/share/assay /usr/local/share/assay
COPY --from=compiled /install/usr/local/bin/assay-slot-init /install/usr/local/bin/assay-warm.so /install/usr/local/bin/assay-probe \
     /install/usr/local/bin/assay-worker /usr/local/bin/
COPY compose/images/checks/harness /assay/checks/
# Where programs see the harnesses: no mount can show them there.
RUN ln -s /usr/local/share/assay/worker/harness /assay/harness && /assay/checks/harness worker
ENV ASSAY_SANDBOX_SETTING=container ASSAY_WORKER_RUNTIMES=c,cpp,bash TMPDIR=/run/assay
CMD ["/usr/local/bin/assay-worker"]

FROM harness AS image
ARG NAME=worker-native
ARG VERSION=0
ARG BUILT_AT=
COPY compose/images/manifest /assay/
RUN /assay/manifest "$NAME" "$VERSION" "$BUILT_AT" >/image-manifest.json
