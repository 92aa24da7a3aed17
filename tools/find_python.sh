#!/usr/bin/env bash
# Prints the path of a Python that can run Meterbook; otherwise says what to do, and fails.
# A name on the path proves nothing: version managers leave stand-ins for versions that are not active. So each
# candidate is run, and of two with a fitting version the one that can make an environment is taken.
set -euo pipefail

fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'
without_ensurepip=""

for name in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
    while read -r candidate; do
        "$candidate" -c "$fits" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import ensurepip' >/dev/null 2>&1; then
            echo "$candidate"
            exit 0
        fi
        : "${without_ensurepip:=$candidate}"
    done < <(type -ap "$name")
done

if [ -n "$without_ensurepip" ]; then
    echo "$without_ensurepip" # Debian packs ensurepip apart; tools/system_packages.py looks after that
    exit 0
fi
echo "Meterbook needs Python 3.11, 3.12 or 3.13, and none was found on the path." >&2
echo "Install one, or name it: make demo PYTHON=/path/to/python3.12" >&2
exit 1
