#!/usr/bin/env bash
# Makes .venv and installs into it exactly what requirements.txt says, then the project itself, editable.
# Every file that pip takes must have a hash in requirements.txt; the project is built by the setuptools pinned there,
# so nothing unpinned is fetched.
set -euo pipefail
cd "$(dirname "$0")/.."

python="$(tools/find_python.sh)"
fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'

# An environment outlives the Python it was made from, and does not work without it.
if ! .venv/bin/python -c "$fits" >/dev/null 2>&1 || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    echo "Making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi
echo "Installing what requirements.txt pins (the first time takes a minute or two)"
pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip install --quiet"
$pip --require-hashes --requirement requirements.txt
$pip --no-build-isolation --no-deps --editable .
touch .venv/installed
