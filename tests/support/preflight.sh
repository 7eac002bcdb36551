#!/usr/bin/env bash
# Checks what `make` itself needs, and prints the one line that installs what is missing.
set -u
python=${PYTHON:-python3}
missing=()
command -v git >/dev/null 2>&1 || missing+=(git)
if ! command -v "$python" >/dev/null 2>&1; then
  missing+=(python3 python3-venv)
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "altgate needs Python 3.11 or newer; $python is $("$python" -V 2>&1 | cut -d' ' -f2)." >&2
  echo "Name a newer one:  make PYTHON=/path/to/python3.11 ..." >&2
  exit 1
elif ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
  missing+=(python3-venv)
fi
[ ${#missing[@]} -eq 0 ] && exit 0
echo "Missing: ${missing[*]}. Install with:" >&2
echo "  sudo apt-get install -y ${missing[*]}" >&2
exit 1
