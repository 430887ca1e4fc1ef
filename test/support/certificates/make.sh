#!/bin/sh
# Makes every certificate of this folder again, with openssl. The keys of the two authorities are thrown away at the
# end: all are made together, or none.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# issue NAME ISSUER SUBJECT LAST_DAY EXTENSIONS: `openssl ca`, because `openssl x509` cannot backdate.
issue() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1-key.pem" 2>"$work/log"
  openssl req -new -key "$1-key.pem" -subj "/CN=$3" -out "$work/request"
  : >"$work/index"
  cat >"$work/config" <<EOF
[ca]
default_ca = issuer
[issuer]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = names
x509_extensions = extensions
[names]
commonName = supplied
[extensions]
$5
EOF
  signer="-cert $2.pem"
  [ "$1" = "$2" ] && signer=-selfsign
  # shellcheck disable=SC2086
  openssl ca -batch -notext -config "$work/config" $signer -keyfile "$2-key.pem" \
    -startdate 20200101000000Z -enddate "${4}0101000000Z" -in "$work/request" -out "$1.pem" 2>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
}

authority="basicConstraints = critical,CA:TRUE"
local="subjectAltName = DNS:localhost,IP:127.0.0.1"

issue authority authority "Connectory test authority" 2120 "$authority"
issue other-authority other-authority "Another test authority" 2120 "$authority"
issue server authority server 2120 "$local"
issue expired authority expired 2021 "$local"
issue other-name authority other-name 2120 "subjectAltName = DNS:broker.example"
issue client authority client 2120 "extendedKeyUsage = clientAuth"
issue other-client other-authority client 2120 "extendedKeyUsage = clientAuth"

rm authority-key.pem other-authority-key.pem
