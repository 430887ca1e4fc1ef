#!/bin/sh
# Installs what the real servers of the tests need and this machine lacks: on Debian, as root. None of their services is
# started. Says nothing when all is there.
set -eu
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

missing=
need() { # need PROGRAM PACKAGE
  command -v "$1" >/dev/null || missing="$missing $2"
}
need mariadbd mariadb-server
need redis-server redis-server
need mosquitto mosquitto
need nginx nginx-light
need rabbitmq-server rabbitmq-server
need pgbouncer pgbouncer
need setpriv util-linux
need kcat kcat
need faketime faketime
need java openjdk-17-jre-headless
need mvn maven
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "Missing:$missing. On Debian install them as root: apt-get install$missing" >&2
  exit 1
fi

# Debian's packages start what they install, unless this says that they must not.
policy=/usr/sbin/policy-rc.d
saved=$(mktemp -d)
# shellcheck disable=SC2317
restore() {
  rm -f "$policy"
  [ ! -e "$saved/policy" ] || mv "$saved/policy" "$policy"
  rm -rf "$saved"
}
trap restore EXIT
trap 'exit 1' INT TERM
[ ! -e "$policy" ] || mv "$policy" "$saved/policy"
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
log="$saved/log"
{
  apt-get update -qq &&
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing
} >"$log" 2>&1 || {
  tail -n 40 "$log" >&2
  exit 1
}
