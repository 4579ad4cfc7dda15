# The broker from Debian's package, with the places and names of the public image.
ARG BASE=debian:bookworm-20250520-slim
FROM ${BASE}
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d && apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends rabbitmq-server && rm -rf /var/lib/apt/lists/*
RUN printf '[rabbitmq_management, rabbitmq_prometheus].\n' >/etc/rabbitmq/enabled_plugins && mkdir -p /etc/rabbitmq/conf.d && \
    rm -f /etc/rabbitmq/rabbitmq-env.conf && install -d -o rabbitmq -g rabbitmq -m 1777 /var/lib/rabbitmq /var/log/rabbitmq
ENV HOME=/var/lib/rabbitmq RABBITMQ_LOGS=- LANG=C.UTF-8
CMD ["/usr/lib/rabbitmq/bin/rabbitmq-server"]
