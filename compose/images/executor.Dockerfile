# The image of one executor: the runtimes that programs are written for, and the worker.
#
#     docker build -f compose/images/executor.Dockerfile --build-arg BASE=debian:12-slim -t assay-executor .
#
# BASE is Debian 12 or what descends from it. Nothing secret goes into the image: programs may read its /usr.
ARG BASE=debian:12-slim

FROM ${BASE} AS runtime
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        python3 python3-pytest nodejs gcc g++ libc6-dev bash procps \
        librabbitmq4 libpq5 libjansson4 libcurl4 libconfig9 libmicrohttpd12 libssl3 libseccomp2 libcap-ng0 && \
    rm -rf /var/lib/apt/lists/*
# The mode of a tmpfs is taken from the folder that it covers.
RUN mkdir -p -m 1777 /work && mkdir -p /assay /etc/assay
ENV ASSAY_SANDBOX_SETTING=container

FROM runtime AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        cmake ninja-build pkg-config librabbitmq-dev libpq-dev libjansson-dev libconfig-dev libcurl4-openssl-dev \
        libssl-dev libmicrohttpd-dev libseccomp-dev libcap-ng-dev
COPY CMakeLists.txt /src/
COPY common /src/common
COPY conf /src/conf
COPY producer /src/producer
COPY worker /src/worker
COPY collector /src/collector
RUN cmake -S /src -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr/local && \
    ninja -C /build assay-producer assay-worker assay-collector assay-slot-init && \
    DESTDIR=/install cmake --install /build --strip

FROM runtime AS executor
COPY --from=build /install/usr/local /usr/local
# Where programs see the harnesses: no mount can show them there.
RUN ln -s /usr/local/share/assay/worker/harness /assay/harness
CMD ["/usr/local/bin/assay-worker"]
