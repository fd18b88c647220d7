# PostgreSQL with the variables of its official image, for machines that cannot fetch that.
ARG BASE_IMAGE=debian:bookworm-slim
FROM ${BASE_IMAGE}
RUN apt-get update \
 && apt-get install --yes --no-install-recommends postgresql \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 999 database && useradd --uid 999 --gid 999 database
COPY postgresql.sh /usr/local/bin/entrypoint
ENV PATH=/usr/lib/postgresql/15/bin:$PATH
USER 999:999
STOPSIGNAL SIGINT
ENTRYPOINT ["bash", "/usr/local/bin/entrypoint"]
