#!/bin/sh
# Sets the project up: .venv (JupyterLab, nbconvert, XLA's CPU plugin), .tools/bin
# (gonb, goimports, gopls, collapse) and the kernel "Collapse (Go)". Called by
# make. What is there already is left alone: each part has a stamp, written
# last, so that an interrupted set-up is done again. The stamp of .venv holds
# the project's path, since a moved .venv does not work.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd -P)

say() { printf '%s\n' "collapse: $*" >&2; }
die() { say "$1"; shift; for line; do printf '          %s\n' "$line" >&2; done; exit 1; }

# ---- what the machine must have -------------------------------------------
need=$(sed -n 's/^go //p' go.mod)
command -v go >/dev/null || die "Go is missing: install Go $need or newer from https://go.dev/dl/ and put it on PATH."
# Go itself knows whether it is new enough, or fetches the Go that is.
why=$(go list -m 2>&1) || die "Go $need or newer is needed; install it from https://go.dev/dl/" "$why"
goversion=$(go env GOVERSION)
cc=$(go env CC)
command -v "${cc%% *}" >/dev/null || die "a C compiler is missing ($cc): apt-get install gcc libc6-dev"
printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | $cc -x c -o /dev/null - 2>/dev/null ||
	die "the C compiler $cc cannot build a program: apt-get install gcc libc6-dev"
unset PYTHONHOME PYTHONPATH
python=
for p in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python3.10}; do
	if "$p" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
		python=$(command -v "$p")
		break
	fi
done
[ -n "$python" ] || die "Python 3.10 or newer is missing (${PYTHON:-python3}): apt-get install python3 python3-venv," "or name one: make setup PYTHON=/path/to/python3.12"
pyversion=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

# ---- Python ----------------------------------------------------------------
stamp=.venv/collapse-setup
want="$root
$python $pyversion
$(cat python/requirements.txt python/plugin.txt python/overrides.json | cksum)"
if [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
	if [ -f "$stamp" ] && [ "$(head -1 "$stamp")" != "$root" ]; then
		say "the project has moved from $(head -1 "$stamp"): .venv is built anew"
	fi
	"$python" -c 'import venv, ensurepip' 2>/dev/null ||
		die "$python cannot make a virtual environment: apt-get install python$pyversion-venv" "(or python3-venv), then again."
	say "installing JupyterLab and nbconvert into .venv (about a minute)"
	rm -rf .venv
	"$python" -m venv .venv
	# PIP_USER and its like would install somewhere else.
	pip() { env -u PIP_TARGET -u PIP_PREFIX PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }
	pip install -q --require-hashes -r python/requirements.txt ||
		die "pip could not install python/requirements.txt; its message is above." "Nothing was marked as done: fix that and run make again."
	if [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] && ! ldd --version 2>&1 | grep -qi musl; then
		say "installing XLA's CPU plugin into .venv"
		pip install -q --no-deps --require-hashes -r python/plugin.txt ||
			die "pip could not install XLA's CPU plugin (python/plugin.txt); its message is above."
	else
		say "no XLA CPU plugin for $(uname -s) on $(uname -m): training uses pure Go, far slower (docs/speed.md)"
	fi
	# JupyterLab asks nobody for news or newer versions.
	mkdir -p .venv/share/jupyter/lab/settings
	cp python/overrides.json .venv/share/jupyter/lab/settings/overrides.json
	printf '%s\n' "$want" >"$stamp"
fi

# ---- Go tools and the command ------------------------------------------------
stamp=.tools/collapse-setup
want="$goversion $(cksum <go.mod) $(cksum <go.sum)"
if [ "$(cat "$stamp" 2>/dev/null)" != "$want" ] || ! [ -x .tools/bin/gonb ] || ! [ -x .tools/bin/goimports ] || ! [ -x .tools/bin/gopls ]; then
	say "building gonb, goimports and gopls into .tools/bin (one to three minutes)"
	rm -f "$stamp"
	GOBIN="$root/.tools/bin" go install tool
	mkdir -p .tools && printf '%s\n' "$want" >"$stamp"
fi
[ -x .tools/bin/collapse ] || say "building the command collapse, with GoMLX (one to two minutes)"
# The commit goes into every record, where git can tell it.
vcs=false
git -C "$root" rev-parse -q --verify HEAD >/dev/null 2>&1 && git -C "$root" status --porcelain >/dev/null 2>&1 && vcs=auto
go build -buildvcs=$vcs -o .tools/bin/collapse ./cmd/collapse

# ---- the kernel ----------------------------------------------------------------
if ! .tools/bin/collapse kernel status >/dev/null 2>&1; then
	say "installing the kernel \"Collapse (Go)\" and compiling what its cells use"
	.tools/bin/collapse kernel install >/dev/null
fi
