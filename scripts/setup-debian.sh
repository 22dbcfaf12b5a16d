#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests need from Debian (or Ubuntu) and is not there yet: other people's smart-card software, a
# browser, the font of official documents, a PDF reader, Node.js, and what pyscard is compiled with.  Silent when
# nothing is missing.  `make up` needs none of it.
set -eu
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" # dpkg wants ldconfig and its like

packages="
    ca-certificates
    chromium
    curl
    fonts-ipamj-mincho
    gcc
    libc6-dev
    libengine-pkcs11-openssl
    libnss3-tools
    libopenjp2-tools
    libpcsclite-dev
    opensc
    openssh-client
    openssh-server
    openssl
    pcscd
    poppler-utils
    swig
    vsmartcard-vpcd
"
# Another Node.js or Python than Debian's may be in use: then Debian's is not wanted.
command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || packages="$packages nodejs npm"
"${PYTHON:-python3}" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' || packages="$packages python3-dev"
"${PYTHON:-python3}" -c 'import pip' 2>/dev/null || packages="$packages python3-pip"

missing=""
for package in $packages; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: this is no Debian; please install by hand what corresponds to:$missing" >&2
    exit 1
fi
root=""
[ "$(id -u)" = 0 ] || root="sudo"

# Three tries: mirrors are sometimes in the middle of an update.
try() {
    for attempt in 1 2 3; do
        "$@" >"$log" 2>&1 && return 0
        [ "$attempt" = 3 ] || sleep $((attempt * 5))
    done
    cat "$log" >&2
    echo "setup: failed: $*" >&2
    return 1
}
# The tests run an sshd of their own on loopback; that of the package must not open this machine to the network.
keep_sshd_off() {
    [ -d /run/systemd/system ] && $root systemctl mask --now ssh.service ssh.socket >/dev/null 2>&1
    return 0
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

echo "setup: installing$missing" >&2
apt="$root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300"
# shellcheck disable=SC2086 # word splitting is meant
{
    try $apt update
    case "$missing" in *openssh-server*) keep_sshd_off ;; esac
    try $apt install -y --no-install-recommends $missing
}
