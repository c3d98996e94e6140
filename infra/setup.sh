#!/usr/bin/env bash
# Makes the virtual environment that `make` targets run in, or does nothing when it is current.
#
#   infra/setup.sh run    what it takes to answer calls
#   infra/setup.sh dev    the same, and what tests and checks need
#
# PYTHON=/path/to/python3.12 chooses the interpreter. Interrupting it does no harm: the stamp
# that says "complete" is written last, and the next run goes on where this one stopped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly WANTED=${1:-run}
readonly VENV=.venv
readonly INSIDE=$VENV/bin/python

say() { printf 'set-up: %s\n' "$*" >&2; }
fail() { printf 'set-up failed: %s\n' "$*" >&2; exit 1; }

lock_of() {
  case $1 in
    run) echo infra/requirements.lock ;;
    dev) echo infra/requirements-dev.lock ;;
    *) fail "unknown kind of set-up '$1'; it is run or dev" ;;
  esac
}

# What a complete environment depends on: the interpreter, the place, the packages.
key_of() {
  { pwd; cat "$VENV/pyvenv.cfg" "$(lock_of "$1")" pyproject.toml; } 2>/dev/null | cksum
}

complete() {
  [ -x "$INSIDE" ] && [ -f "$VENV/complete-$1" ] && [ "$(cat "$VENV/complete-$1")" = "$(key_of "$1")" ]
}

usable() { # a Python of at least 3.11 that can make environments with pip in them
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  local name
  if [ -n "${PYTHON:-}" ]; then
    usable "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or newer with venv and ensurepip"
    echo "$PYTHON"
    return
  fi
  for name in python3.13 python3.12 python3.11 python3; do
    if usable "$name"; then command -v "$name"; return; fi
  done
  return 1
}

packages_wanted() { # what apt would have to install
  local name
  for name in python3.13 python3.12 python3.11; do
    if new_enough "$name"; then echo "$name $name-venv"; return; fi
  done
  if new_enough python3 || ! command -v python3 >/dev/null; then
    echo "python3 python3-venv"
  else
    echo "python3.11 python3.11-venv"
  fi
}

find_or_install_python() {
  find_python && return
  [ -z "${PYTHON:-}" ] || exit 1
  local packages
  packages=$(packages_wanted)
  command -v apt-get >/dev/null \
    || fail "no Python 3.11 or newer with venv and pip was found; install one, or name it: PYTHON=/path/to/python3 make run"
  [ "$(id -u)" = 0 ] \
    || fail "no Python 3.11 or newer with venv and pip was found; run: sudo apt-get install -y $packages"
  say "no usable Python found; installing $packages with apt"
  # shellcheck disable=SC2086 # two package names
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages; } >&2 \
    || fail "apt could not install $packages; install Python 3.11 or newer with venv and run again"
  find_python || fail "Python 3.11 or newer is still missing after apt installed $packages"
}

sound() { # an environment that works and was made at this place
  [ -x "$INSIDE" ] && "$INSIDE" - <<'PY' >/dev/null 2>&1
import os, pathlib, sys
import pip
here = pathlib.Path.cwd() / ".venv"
sys.exit(sys.version_info < (3, 11) or not os.path.samefile(sys.prefix, here))
PY
}

moved() { # scripts in an environment carry the path they were made for
  [ -f "$VENV/made-at" ] && [ "$(cat "$VENV/made-at")" != "$(pwd)" ]
}

make_environment() {
  if ! moved && sound; then return; fi
  local python
  python=$(find_or_install_python)
  say "making a virtual environment in $VENV with $("$python" --version 2>&1) ($python)"
  rm -rf "$VENV"
  "$python" -m venv "$VENV" || fail "$python could not make a virtual environment in $(pwd)/$VENV"
  pwd > "$VENV/made-at"
}

install_packages() {
  local lock
  lock=$(lock_of "$WANTED")
  say "installing $(grep -c '==' "$lock") locked packages from $lock; the first time takes a minute or two"
  "$INSIDE" -m pip install --disable-pip-version-check --no-input --retries 5 \
    --only-binary :all: --require-hashes -r "$lock" \
    | sed -u '/^Requirement already satisfied/d' >&2 \
    || fail "packages could not be installed; the reason stands above. Run the same command again: what is done is kept"
  "$INSIDE" -m pip install --disable-pip-version-check --no-input --quiet \
    --no-deps --no-build-isolation --editable . >&2 \
    || fail "frontdesk itself could not be installed into $VENV"
}

main() {
  lock_of "$WANTED" >/dev/null
  if complete "$WANTED"; then return; fi
  rm -f "$VENV/complete-$WANTED"
  make_environment
  install_packages
  key_of "$WANTED" > "$VENV/complete-$WANTED"
  # The dev lock holds everything the other one does.
  if [ "$WANTED" = dev ]; then key_of run > "$VENV/complete-run"; fi
  say "done"
}

main
