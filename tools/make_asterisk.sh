#!/usr/bin/env bash
# Asterisk 16 from Debian 11 (later releases carry none), unpacked into a folder of its own for tests/interop: root, some 3 minutes, 600 MB.
#   tools/make_asterisk.sh FOLDER && SOFTPHONE_ASTERISK=FOLDER make interop
set -euo pipefail
root=${1:?which folder to unpack it into}
mirror=${2:-http://deb.debian.org/debian}
apt-get install -y -q --no-install-recommends debootstrap openssl
if [ ! -x "$root/usr/sbin/asterisk" ]; then
  debootstrap --variant=minbase bullseye "$root" "$mirror"
  chroot "$root" sh -c 'apt-get -q update; DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends asterisk asterisk-modules asterisk-opus'
fi
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mountpoint -q "$root/dev" || mount --bind /dev "$root/dev"
