#!/usr/bin/env bash
# Make the database at the first start, then be PostgreSQL.
set -euo pipefail

export PATH=/usr/lib/postgresql/15/bin:$PATH
if [ ! -e "$PGDATA/complete" ]; then
  # What an earlier start left half made is made anew.
  rm -rf "$PGDATA"
  initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile=<(printf '%s' "$POSTGRES_PASSWORD") \
    --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 > /dev/null
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  pg_ctl --pgdata="$PGDATA" --wait --options="-c listen_addresses=''" start > /dev/null
  createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  pg_ctl --pgdata="$PGDATA" --wait stop > /dev/null
  touch "$PGDATA/complete"
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' "$@"
