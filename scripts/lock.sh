#!/usr/bin/env bash
# Makes the lock files anew: every package with its version and the hashes of its files, for Linux and every Python
# that we support. Versions stay as they are unless a range asks for another; `make lock UPGRADE=1` takes the newest.
# Machine paths, index addresses and registry hosts stay out of the locks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv=build/tools/bin/uv
options=(--quiet --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url)
[[ -z ${UPGRADE:-} ]] || options+=(--upgrade)

# lock LOCK FROM…: what FROM asks for, into requirements/LOCK.txt.
lock() {
    local lock=requirements/$1.txt made
    shift
    made=$(mktemp)
    # The pins of today, so that they are kept.
    if [[ -f $lock ]]; then cp "$lock" "$made"; fi
    "$uv" pip compile "${options[@]}" "$@" --output-file "$made"
    # All of it is for Linux, so that is not repeated on every line.
    {
        echo "# Made by \`make lock\` from $1"
        sed -E "s/ ; sys_platform == 'linux' / /; s/ and sys_platform == 'linux'//" "$made"
    } >"$lock.new"
    mv "$lock.new" "$lock"
    rm "$made"
}

lock build requirements/build.in
lock service pyproject.toml --group=dev
# One DuckDB, one pandas on both sides of the wall: the researchers' versions are the service's where both have one.
lock session requirements/session.in --constraints=requirements/service.txt
npm install --package-lock-only --silent
