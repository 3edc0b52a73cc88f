#!/bin/sh
# Gets a real object store for test/stores under .cache/stores, pinned, and installs nothing.
#
#   scripts/stores-setup.sh ceph      Debian's packages, unpacked; needs apt-get and dpkg-deb
#
# A second run takes no time. What cannot be had is told in the last line, with exit code 1.
set -eu
cd "$(dirname "$0")/.."
ROOT=$PWD/.cache/stores
mkdir -p "$ROOT"

refuse() {
  echo "$1" >&2
  exit 1
}

setup_ceph() {
  wanted="ceph-mon ceph-osd radosgw"
  if [ -e "$ROOT/ceph/unpacked" ]; then return; fi
  command -v apt-get >/dev/null 2>&1 || refuse "there is no apt-get"
  if [ "$(id -u)" = 0 ]; then apt-get update -qq || refuse "apt-get update failed, see above"; fi
  # shellcheck disable=SC2086
  names=$(apt-get install -s --no-install-recommends $wanted | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
  case " $(echo $names) " in
    *" radosgw "*) ;;
    *) refuse "apt-get has no radosgw to unpack" ;;
  esac
  rm -rf "$ROOT/ceph" "$ROOT/debs"
  mkdir -p "$ROOT/ceph" "$ROOT/debs"
  # shellcheck disable=SC2086
  (cd "$ROOT/debs" && apt-get download -qq $names) || refuse "packages of Ceph were not served"
  for package in "$ROOT"/debs/*.deb; do dpkg-deb -x "$package" "$ROOT/ceph"; done
  rm -rf "$ROOT/debs"
  # Nothing that was only unpacked may give anybody rights.
  find "$ROOT/ceph" -type f -perm /6000 -exec chmod u-s,g-s {} +
  touch "$ROOT/ceph/unpacked"
}

case "${1:-}" in
  ceph) setup_ceph ;;
  *) refuse "Name a store: ceph" ;;
esac
