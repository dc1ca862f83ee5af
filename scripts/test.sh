#!/bin/sh
# Checks the form of the code, builds it as others will, and runs every test.
# `make test` calls it after the set-up. COLLAPSE_STRICT=1 fails on a skip that
# an installed package would have avoided.
set -eu
cd "$(dirname "$0")/.."

unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { echo "gofmt would change: $unformatted" >&2; exit 1; }
go vet ./...
# The packages that need no C compiler, and an arm64 machine.
light="./record/... ./nc/... ./ufm ./calib/... ./stats ./npz ./figures ./report ./data/... ./backend ./examples/..."
CGO_ENABLED=0 go build $light
CGO_ENABLED=0 GOARCH=arm64 go build $light

mkdir -p build
# axe-core for the tests of pages. Without it they are skipped, which is told.
[ -f build/axe/axe_playwright_python/axe.min.js ] ||
	.venv/bin/python -m pip --disable-pip-version-check install -q --no-deps --require-hashes --target build/axe \
		-r python/axe.txt || echo "axe-core could not be installed" >&2
go build -o build/testsum ./scripts/testsum
# The status is testsum's: it reads every failure from the events.
go test -json -timeout 40m ./... | build/testsum ${COLLAPSE_STRICT:+-strict}
