#!/bin/sh
# Installs XLA's CUDA plugin and the NVIDIA libraries that it loads into .venv, with
# checksums. Called by `make cuda` after the set-up. The stamp stands in .venv, so that
# an environment that is made anew is not taken for one with the plugin.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "collapse: $*" >&2; }

if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ] || ldd --version 2>&1 | grep -qi musl; then
	say "the CUDA plugin is for x86-64 Linux with glibc; this is $(uname -s) on $(uname -m)"
	exit 1
fi
stamp=.venv/collapse-cuda
want=$(cksum <python/cuda.txt)
if [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
	# An NVIDIA library of another version would stay among the new one's files.
	rm -f "$stamp"
	say "installing XLA's CUDA plugin and NVIDIA's libraries into .venv (2.3 GB to load, 4 GB on disk)"
	# --no-deps: the list is complete, and pip need not ask what depends on what.
	env -u PIP_TARGET -u PIP_PREFIX -u PYTHONHOME -u PYTHONPATH PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 \
		.venv/bin/python -m pip --disable-pip-version-check --no-input install -q --no-deps --require-hashes -r python/cuda.txt || {
		say "pip could not install python/cuda.txt; its message is above. Nothing was marked as done: fix that and run make cuda again."
		exit 1
	}
	printf '%s\n' "$want" >"$stamp"
fi
.tools/bin/collapse doctor
