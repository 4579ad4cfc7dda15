# An executor of Python tasks: worker, Python, pytest. The stages are the layers that compose/image checks one by one.
# Nothing secret goes into an image: programs may read its /usr.
ARG BASE=debian:bookworm-20250520-slim
ARG COMPILED=assay/compiled

FROM ${BASE} AS base
# The same first layer as of the other workers: kept once, pulled once. No set-uid program, no place that all may write but
# those that a tmpfs covers.
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        librabbitmq4 libjansson4 libconfig9 libmicrohttpd12 libssl3 libseccomp2 && \
    rm -rf /var/lib/apt/lists/* && find / -xdev -type f -perm /6000 -exec chmod a-s {} + && \
    mkdir -p -m 1777 /work && mkdir -p /assay/checks /shared
COPY compose/images/checks/base compose/images/healthy /assay/checks/
RUN /assay/checks/base

FROM base AS runtime
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 && \
    rm -rf /var/lib/apt/lists/*
COPY compose/images/checks/runtime /assay/checks/
RUN /assay/checks/runtime python

# Further packages, one a line of requirements.txt, are fetched here, so that pip stays out of the image.
FROM runtime AS packages
COPY compose/images/requirements.txt /assay/
RUN mkdir /packages && if grep -nvE '^(#.*)?$|^[A-Za-z0-9._-]+(\[[A-Za-z0-9,_-]+\])?==[^ ]+$' /assay/requirements.txt; then \
        echo 'requirements.txt: a line names no version; write name==1.2.3' >&2; exit 1; \
    elif grep -q '^[^#]' /assay/requirements.txt; then \
        apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-pip && \
        python3 -m pip install --no-cache-dir --only-binary :all: --target /packages -r /assay/requirements.txt; \
    fi

FROM runtime AS frameworks
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        python3-pytest python3-pytest-cov python3-pytest-timeout && rm -rf /var/lib/apt/lists/*
COPY --from=packages /packages/ /usr/local/lib/python3.11/dist-packages/
COPY compose/images/requirements.txt /assay/
COPY compose/images/checks/frameworks /assay/checks/
RUN /assay/checks/frameworks python

FROM ${COMPILED} AS compiled

FROM frameworks AS harness
COPY --from=compiled /install/usr/local/share/assay /usr/local/share/assay
COPY --from=compiled /install/usr/local/bin/assay-slot-init /install/usr/local/bin/assay-warm.so /install/usr/local/bin/assay-probe \
     /install/usr/local/bin/assay-worker /usr/local/bin/
COPY compose/images/checks/harness /assay/checks/
# Where programs see the harnesses: no mount can show them there.
RUN ln -s /usr/local/share/assay/worker/harness /assay/harness && /assay/checks/harness worker
ENV ASSAY_SANDBOX_SETTING=container ASSAY_WORKER_RUNTIMES=python TMPDIR=/run/assay
CMD ["/usr/local/bin/assay-worker"]

FROM harness AS image
ARG NAME=worker-python
ARG VERSION=0
ARG BUILT_AT=
COPY compose/images/manifest /assay/
RUN /assay/manifest "$NAME" "$VERSION" "$BUILT_AT" >/image-manifest.json
