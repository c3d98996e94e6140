#!/usr/bin/env bash
# Makes an environment for one purpose, of packages the project itself must not depend on.
#
#   infra/throwaway.sh NAME [--beside] PACKAGE...
#
# It lies in build/NAME and is made again when the packages asked for are others; `make clean`
# removes it. --beside: what is installed in .venv can be imported there, too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly NAME=$1
shift
readonly PLACE=build/$NAME
readonly WANTED="$*"

if [ -f "$PLACE/complete" ] && [ "$(cat "$PLACE/complete")" = "$WANTED" ]; then exit; fi
printf 'set-up: making %s with %s\n' "$PLACE" "$WANTED" >&2
rm -rf "$PLACE"
.venv/bin/python -m venv "$PLACE"
if [ "${1:-}" = --beside ]; then
  shift
  readlink -f .venv/lib/python*/site-packages > "$(echo "$PLACE"/lib/python*/site-packages)/beside.pth"
fi
"$PLACE/bin/python" -m pip install --disable-pip-version-check --no-input --quiet --retries 5 \
  --prefer-binary "$@" >&2
printf '%s' "$WANTED" > "$PLACE/complete"
