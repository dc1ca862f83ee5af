#!/usr/bin/env bash
# What only a machine with an NVIDIA GPU can do, in one go (docs/cuda.md):
#
#	scripts/gpu.sh build            the programs, into build/gpu; the one part that needs Go, and no GPU
#	scripts/gpu.sh check            what the doctor says; tests of the numbers on the GPU
#	scripts/gpu.sh bench            the training step's speed next to PyTorch's and JAX's
#	scripts/gpu.sh runs MINUTES     the runs of 'collapse reproduce all --list': Table 1's pair, the
#	                                reduced twins, then the rest; JOBS (2) at once, stopped with a
#	                                checkpoint after MINUTES (a day); once more goes on
#	scripts/gpu.sh                  all of them
#
# Results go to the folder OUT (build/gpu/out): doctor.txt, tests.txt, bench.json, bench.txt, a record
# for each run. Runs keep their checkpoints in build/gpu/runs, the images are where COLLAPSE_DATA says.
# The benchmark takes ROUNDS (3) of each of PRECISIONS (tf32 bfloat16 float32).
# PYTHON (python3) is a Python that has PyTorch and JAX for the benchmark, or neither.
set -euo pipefail
cd "$(dirname "$0")/.."
OUT=${OUT:-build/gpu/out}
PYTHON=${PYTHON:-python3}
export COLLAPSE_ROOT="$PWD" GOMLX_BACKEND="${GOMLX_BACKEND:-xla:cuda}"
gpu=$PWD/build/gpu
mkdir -p "$OUT" "$gpu"
OUT=$(cd "$OUT" && pwd)

build() {
	# The user's Go settings must not keep the commit out of the records.
	export GOFLAGS=-mod=readonly GOWORK=off
	go build -buildvcs=auto -ldflags='-s -w' -o "$gpu/collapse" ./cmd/collapse
	go build -buildvcs=auto -ldflags='-s -w' -o "$gpu/bench-train" ./bench/train
	for package in train models; do
		go test -c -ldflags='-s -w' -o "$gpu/$package.test" "./$package"
	done
}

check() {
	"$gpu/collapse" doctor 2>&1 | tee "$OUT/doctor.txt" || true
	status=0
	{
		(cd models && "$gpu/models.test" -test.v -test.run '^(TestResNet18AsPyTorch|TestNorm.*)$') || status=1
		(cd train && "$gpu/train.test" -test.v -test.run '^(TestBackendsAgree|TestStepsAsPyTorch|TestSteps|TestTogether|TestBfloat16)$') || status=1
		resumed || status=1
		echo "check: status $status"
	} >"$OUT/tests.txt" 2>&1
	grep -E '^ *--- |^resumed|^check' "$OUT/tests.txt"
	return $status
}

# resumed trains twice with --deterministic, once stopped after two of four epochs, and compares.
resumed() {
	rm -rf "$gpu/straight" "$gpu/resumed"
	set -- --dataset fashion-mnist-small --width 8 --train-per-class 100 --deterministic --quiet
	"$gpu/collapse" train "$@" --epochs 4 --out "$gpu/straight" &&
		"$gpu/collapse" train "$@" --epochs 2 --out "$gpu/resumed" &&
		"$gpu/collapse" train --resume --epochs 4 --deterministic --quiet --out "$gpu/resumed" || return 1
	"$PYTHON" - "$gpu/straight/record.json" "$gpu/resumed/record.json" <<-'END'
		import json, sys
		rows = [json.load(open(name))["epochs"] for name in sys.argv[1:]]
		for row in rows[0] + rows[1]:
		    row.pop("seconds"), row.pop("measure_seconds")
		same = rows[0] == rows[1] and len(rows[0]) == 4
		print("resumed run, --deterministic:", "the same in every metric" if same else "DIFFERS: %s" % rows)
		sys.exit(not same)
	END
}

bench() {
	peers=--no-jax
	"$PYTHON" -c 'import jax' 2>/dev/null && peers=
	"$PYTHON" -c 'import torch' 2>/dev/null && peers="$peers --torch $PYTHON --compile"
	"$PYTHON" bench/train/run.py "$gpu/bench-train" --device cuda --width 64 --precision ${PRECISIONS:-tf32 bfloat16 float32} \
		--rounds "${ROUNDS:-3}" --seconds 5 $peers --json "$OUT/bench.json" | tee "$OUT/bench.txt"
	"$PYTHON" bench/train/run.py "$gpu/bench-train" --device cuda --width 64 --precision tf32 --processes 2 \
		--rounds 1 --seconds 5 --no-jax --json "$OUT/bench-side-by-side.json" | tee -a "$OUT/bench.txt"
}

# one trains or goes on with one run for what is left of the time.
one() {
	name=$1
	run="$gpu/runs/$name"
	grep -q '"status": "finished"' "$run/record.json" 2>/dev/null && return
	left=$(((END - $(date +%s)) / 60))
	[ $left -ge 1 ] || return 0
	if [ -f "$run/record.json" ]; then
		set -- --resume
	else
		set -- --spec "$name"
	fi
	"$gpu/collapse" train "$@" --layer-profile --max-minutes $left --out "$run" >"$OUT/$name.txt" 2>&1 || true
	tail -1 "$OUT/$name.txt" | sed "s/^/$name: /"
	[ ! -f "$run/record.json" ] || cp "$run/record.json" "$OUT/$name.json" # no images, no record
}

runs() {
	END=$(($(date +%s) + ${1:-1440} * 60))
	export END OUT gpu
	mkdir -p "$gpu/runs"
	"$gpu/collapse" reproduce all --list | xargs -L 1 -P "${JOBS:-2}" scripts/gpu.sh one
}

case ${1:-all} in
all)
	command -v go >/dev/null && build
	check
	bench
	runs
	;;
build | check | bench | runs | one)
	"$@"
	;;
*)
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
