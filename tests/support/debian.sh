#!/usr/bin/env bash
# Installs the Debian packages that the tests need, as root or by sudo; otherwise says which are missing.
set -u
missing=()
command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] || missing+=(mosquitto)
command -v chromium >/dev/null 2>&1 || missing+=(chromium)
# The pages are in Chinese too, and a bare system has no font for that.
[ -d /usr/share/fonts/opentype/noto ] || missing+=(fonts-noto-cjk)
[ ${#missing[@]} -eq 0 ] && exit 0
run=()
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "The tests need Debian packages. Install them with:" >&2
    echo "  sudo apt-get install -y ${missing[*]}" >&2
    echo "or run what needs none:  make test-core" >&2
    exit 1
  fi
  run=(sudo)
fi
"${run[@]}" apt-get update -qq
# The tests start brokers of their own on loopback: the packaged service must not start.
"${run[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
