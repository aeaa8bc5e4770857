#!/usr/bin/env bash
# Sets up one part of Saferoom's surroundings: scripts/setup.sh PART. `make setup` calls it for each.
#
#   tools     build/tools      what installs and builds: uv, hatchling
#   service   .venv            the service and the developers' tools
#   session   .session         what researchers work with, and the notebook client; none of the service
#   node      node_modules     the hub's proxy, and what the pages' styles are made from
#   styles    safe_outputs/web/static
#   tests                      Chromium, fonts and PostgreSQL, for tests only
#
# A part that is as it should be is left alone: each has a stamp with the hash of what it was made from, written last.
# A part without a stamp was interrupted (or is not ours) and is made anew. Only what a lock file names is installed,
# and only with the hashes that stand there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly tools=build/tools
readonly wanted_node=20.19
readonly pythons="python3 python3.14 python3.13 python3.12 python3.11"

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 1; }

# ------------------------------------------------------------------------------------------------------- stamps

# key FILE…: the hash of these files and of where they are (a moved checkout is set up again).
key() { { echo "$PWD"; cat "$@"; } | sha256sum | cut -d' ' -f1; }
is_made() { [[ -f $1 && $(<"$1") == "$2" ]]; }
is_environment() { [[ -x $1/bin/python ]] && is_made "$1/.stamp" "$2"; }
# Runs of two people, or of two terminals, take turns.
take_turn() { mkdir -p build; exec 9>"build/$1.turn"; flock 9; }

# ------------------------------------------------------------------------------------------------------- Debian

is_there() {
    case $1 in
        python) find_python >/dev/null ;;
        module:*) python=$(find_python) && "$python" -c "import ${1#*:}" 2>/dev/null ;;
        command:*) command -v "${1#*:}" >/dev/null ;;
        server:*) command -v "${1#*:}" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/${1#*:}" >/dev/null ;;
        package:*) ! command -v dpkg-query >/dev/null || [[ $(dpkg-query --show --showformat='${Status}' "${1#*:}" 2>/dev/null) == *" installed" ]] ;;
    esac
}

# need_packages STEP: what requirements/debian.txt lists for STEP is there, or is installed, or we say what is missing.
need_packages() {
    local package sign step missing=()
    while read -r package sign step; do
        [[ $package != '#'* && $step == "$1" ]] || continue
        is_there "$sign" || missing+=("$package")
    done <requirements/debian.txt
    ((${#missing[@]})) || return 0
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        fail "make $1 needs what these Debian packages hold: ${missing[*]}. Install them, then try again:" \
            "apt-get install ${missing[*]}"
    fi
    say "installing Debian packages: ${missing[*]}"
    install_packages "${missing[@]}" ||
        fail "apt-get could not install ${missing[*]}; its words are above. Install them by hand, then try again."
}

install_packages() {
    local options=(-qq -o DPkg::Lock::Timeout=120) log=build/apt.log
    exec 8>build/apt.turn
    flock 8
    export DEBIAN_FRONTEND=noninteractive
    { apt-get "${options[@]}" update && apt-get "${options[@]}" -y --no-install-recommends install "$@"; } \
        >"$log" 2>&1 </dev/null || { tail -20 "$log" >&2 && return 1; }
}

need_node() {
    need_packages setup
    local have
    have=$(node -p process.versions.node)
    [[ $(printf '%s\n' "$wanted_node" "$have" | sort --version-sort | head -1) == "$wanted_node" ]] ||
        fail "Node.js $wanted_node or later is needed (the hub's proxy runs on it), and this is $have. Install a newer one" \
            "(Debian 13 has it), then try again."
}

# ------------------------------------------------------------------------------------------------------- Python

# The first suitable interpreter: itself, not a link or a launcher that may point elsewhere tomorrow.
find_python() {
    local candidate
    for candidate in ${PYTHON:-$pythons}; do
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null || continue
        "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
        return
    done
    return 1
}

need_python() {
    need_packages setup
    find_python || fail "Python 3.11 to 3.14 is needed, and was not found as: ${PYTHON:-$pythons}. Install one, or name it:" \
        "make setup PYTHON=/path/to/python3"
}

uv() {
    # uv does not read pip's configuration: an organisation's own index is handed on.
    local index
    index=$("$tools/bin/python" -m pip config get global.index-url 2>/dev/null || true)
    index=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$index}}
    UV_DEFAULT_INDEX=$index UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 UV_NO_CONFIG=1 "$tools/bin/uv" --quiet "$@"
}

# environment FOLDER LOCK: FOLDER holds exactly what LOCK names, and what is installed from this checkout on top of it.
fill_environment() {
    local folder=$1 lock=$2 python
    if [[ ! -f $folder/.stamp || ! -x $folder/bin/python ]]; then
        python=$(need_python)
        rm -rf "$folder"
        uv venv --python "$python" "$folder"
    fi
    rm -f "$folder"/.stamp*
    uv pip sync --python "$folder/bin/python" --require-hashes --only-binary :all: "$lock"
    # Compiled now, since whoever uses it later may not write here; without the packages' own tests, a third of it all.
    "$folder/bin/python" -m compileall -qq -x '/site-packages/.*/tests?/' "$folder/lib" || true
}

# install_own ENVIRONMENT FOLDER TARGET: the project in FOLDER, built offline as TARGET, into ENVIRONMENT.
install_own() {
    local out=$PWD/build/wheel$1 hatchling=$PWD/$tools/bin/python
    rm -rf "$out"
    (cd "$2" && "$hatchling" -m hatchling build --target "$3" --directory "$out") >"$out.log" 2>&1 || {
        cat "$out.log" >&2
        fail "the wheel in $2 could not be built; the reason is above."
    }
    uv pip install --python "$1/bin/python" --offline --no-index --no-deps --reinstall --compile-bytecode "$out"/*.whl
}

# ------------------------------------------------------------------------------------------------------- parts

make_tools() {
    local lock=requirements/build.txt python
    is_environment "$tools" "$(key "$lock")" && return
    say "installing what installs and builds"
    python=$(need_python)
    rm -rf "$tools"
    "$python" -m venv "$tools"
    "$tools/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r "$lock"
    key "$lock" >"$tools/.stamp"
}

make_service() {
    local lock=requirements/service.txt
    if ! is_environment .venv "$(key "$lock")"; then
        say "installing the service's environment (.venv)"
        fill_environment .venv "$lock"
        key "$lock" >.venv/.stamp
    fi
    is_made .venv/.stamp-saferoom "$(key pyproject.toml)" && return
    install_own .venv . wheel:editable
    key pyproject.toml >.venv/.stamp-saferoom
}

make_session() {
    local lock=requirements/session.txt client
    if ! is_environment .session "$(key "$lock")"; then
        say "installing the researchers' environment (.session)"
        fill_environment .session "$lock"
        key "$lock" >.session/.stamp
    fi
    mapfile -t client < <(find packaging/saferoom-client safe_outputs/client safe_outputs/{__init__,answers,limits,statistics}.py safe_outputs/py.typed -type f -not -name '*.pyc' | sort)
    is_made .session/.stamp-client "$(key "${client[@]}")" && return
    install_own .session packaging/saferoom-client wheel
    key "${client[@]}" >.session/.stamp-client
}

make_node() {
    local stamp=node_modules/.stamp
    is_made "$stamp" "$(key package-lock.json .npmrc)" && return
    say "installing the proxy and the page components (node_modules)"
    need_node
    rm -f "$stamp"
    npm ci --silent || fail "npm could not install what package-lock.json names. See what it says: npm ci --loglevel=info"
    key package-lock.json .npmrc >"$stamp"
}

make_styles() {
    local static=safe_outputs/web/static stamp=build/styles.stamp sources=(safe_outputs/web/styles/*.scss package-lock.json)
    [[ -f $static/saferoom.css && -f $static/govuk-frontend.min.js ]] && is_made "$stamp" "$(key "${sources[@]}")" && return
    say "making the pages' styles"
    mkdir -p "$static"
    node_modules/.bin/sass --load-path=node_modules --style=compressed --no-source-map --no-error-css \
        safe_outputs/web/styles/saferoom.scss build/saferoom.css
    mv build/saferoom.css "$static/"
    cp node_modules/govuk-frontend/dist/govuk/govuk-frontend.min.js "$static/"
    key "${sources[@]}" >"$stamp"
}

make_tests() { need_packages test; }

case ${1:-} in
    tools | service | session | node | styles | tests)
        take_turn "$1"
        "make_$1"
        ;;
    *) fail "there is no part “${1:-}”. Parts: tools, service, session, node, styles, tests." ;;
esac
