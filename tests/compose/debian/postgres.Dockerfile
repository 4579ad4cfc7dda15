# PostgreSQL from Debian's package, with the places and names of the public image; without pgvector, which Debian 12 does not have.
ARG BASE=debian:bookworm-20250520-slim
FROM ${BASE}
RUN mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf && apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql && rm -rf /var/lib/apt/lists/* && \
    install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data && install -d -o postgres -g postgres /var/run/postgresql
RUN chmod 1777 /var/run/postgresql
COPY postgres-entrypoint /usr/local/bin/
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin
CMD ["/usr/local/bin/postgres-entrypoint"]
