# What all other images take their programs from. It is never run: compiler and headers stay here.
ARG BASE=debian:bookworm-20250520-slim
# The compiler's cache: of the image of before, where there is one.
ARG CACHE=toolchain

FROM ${BASE} AS toolchain
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        gcc g++ libc6-dev ccache cmake ninja-build pkg-config librabbitmq-dev libpq-dev libjansson-dev libconfig-dev \
        libcurl4-openssl-dev libssl-dev libmicrohttpd-dev libseccomp-dev && \
    rm -rf /var/lib/apt/lists/* && mkdir /ccache

FROM ${CACHE} AS cache

FROM toolchain AS compiled
ENV CCACHE_DIR=/ccache CCACHE_MAXSIZE=100M
COPY --from=cache /ccache /ccache
COPY CMakeLists.txt /src/
COPY common /src/common
COPY producer /src/producer
COPY collector /src/collector
COPY worker /src/worker
COPY conf /src/conf
RUN ccache --zero-stats && cmake -S /src -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr/local -DCMAKE_C_COMPILER_LAUNCHER=ccache && \
    ninja -C /build && DESTDIR=/install cmake --install /build --strip && rm -rf /build && \
    ccache --show-stats
