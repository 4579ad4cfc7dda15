# The Python executor as it ships, with what the attacks are written in beside Python, and what the tests' driver is linked with.
ARG BASE=assay/worker-python:current
FROM ${BASE}
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        nodejs gcc g++ libc6-dev procps libpq5 libcurl4 && \
    rm -rf /var/lib/apt/lists/*
ENV ASSAY_WORKER_RUNTIMES=
