#!/usr/bin/env bash
# Runs one frontdesk command as the service does: its user, its settings, its secrets.
#
#   sudo infra/as-service.sh calls list
#
# They are read from the unit as systemd has it, so what `systemctl edit frontdesk` has changed holds, too.
# With other settings a command could work on another database than the service.
set -euo pipefail

readonly SERVICE=${FRONTDESK_SERVICE:-frontdesk}
readonly NAME=$SERVICE-command-$$

UNIT=$(systemctl cat "$SERVICE.service")
properties=()
program=()
while IFS= read -r line; do
  case $line in
    User=* | Group=* | WorkingDirectory=* | UMask=* | Environment=* | EnvironmentFile=* | LoadCredential=* | LoadCredentialEncrypted=* | SetCredential=*)
      # systemd expands no specifiers in the properties of a unit that is made on the fly.
      properties+=(--property="${line//%d//run/credentials/$NAME.service}")
      ;;
    ExecStart=?*) read -ra program <<< "${line#ExecStart=}" ;;
  esac
done <<< "$UNIT"
if [ "${#program[@]}" = 0 ]; then
  printf '%s: %s.service has no ExecStart=\n' "$0" "$SERVICE" >&2
  exit 1
fi

exec systemd-run --quiet --pipe --wait --collect --unit="$NAME" "${properties[@]}" \
  -- "${program[0]}" "$@"
