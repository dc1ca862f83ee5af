# Collapse. `make report` does all that is needed and ends by naming the page to
# open; `make help` lists the rest. Everything is written into .venv, .tools and
# build, next to Go's own caches.

# The solutions are executed too, by `make lessons` and `make test`, but are no pages.
LESSONS   := $(patsubst %,build/%,$(wildcard notebooks/*.ipynb))
SOLUTIONS := $(patsubst %,build/%,$(wildcard notebooks/solutions/*.ipynb))
TRAINED   := build/runs/fashion-resnet18-ce.done build/runs/fashion-resnet18-ls.done
# What a trained network depends on: a newer file trains again.
TRAINING  := $(filter-out %_test.go,$(wildcard $(addsuffix /*.go,record data data/* models losses nc train backend)))
# What a notebook shows besides.
SHOWN     := $(filter-out %_test.go,$(wildcard nb/*.go nb/live/*.go figures/*.go)) $(wildcard records/*.json) scripts/execute.py
COLLAPSE  := .tools/bin/collapse

# The user's Go settings must not change this build: GOFLAGS=-mod=vendor or a
# go.work above the clone would break it. -mod=readonly is Go's own default.
export GOFLAGS := -mod=readonly
export GOWORK  := off
export COLLAPSE_ROOT := $(CURDIR)
export GOMLX_NO_AUTO_INSTALL := 1

.PHONY: help setup cuda report lessons lab nbgrader test bench bench-measure clean
.DELETE_ON_ERROR:
# One thing at a time, but for the lessons: a second make executes TOGETHER of them side by side.
ifndef SECOND
.NOTPARALLEL:
endif
TOGETHER  := 2
side-by-side = @$(MAKE) --no-print-directory -j$(TOGETHER) SECOND=1

help:
	@echo 'make report   set up, train two small networks, execute the notebooks, write build/report/index.html'
	@echo 'make lab      JupyterLab on copies of the lessons in build/lab, with the kernel "Collapse (Go)"'
	@echo 'make lessons  makes the lessons from notebooks/sources, executes them and saves their outputs in notebooks/'
	@echo 'make nbgrader   nbgrader in build/nbgrader, for teachers (docs/teaching.md)'
	@echo 'make test     every lesson, solution and test, with the set-up they need (COLLAPSE_STRICT=1: a skipped test fails)'
	@echo 'make bench    speed of the training step, next to JAX (and PyTorch with TORCH_PYTHON=…), and of the metrics'
	@echo 'make bench-measure   collapse measure next to PyTorch (6 GB of Python, or TORCH_PYTHON=…)'
	@echo 'make setup    only the set-up: .venv, .tools/bin, the kernel'
	@echo 'make cuda     the set-up, and XLA for NVIDIA GPUs in .venv (about 2 GB to load, x86-64 Linux)'
	@echo 'make clean    remove .venv, .tools and build; runs/ stays'

setup:
	@$(if $(SECOND),:,scripts/setup.sh)

cuda: setup
	@scripts/cuda.sh

report: setup $(TRAINED)
	$(side-by-side) $(LESSONS)
	@$(COLLAPSE) report --out build/report >/dev/null
	@echo "The report is at $(CURDIR)/build/report/index.html"

# The set-up is order-only: it is looked at every time and makes nothing newer.
# A run's .done is written last; without it the run is not taken for finished.
build/runs/%.done: experiments/%.json $(TRAINING) | setup
	@rm -rf build/runs/$* && mkdir -p build/runs
	$(COLLAPSE) train --spec $< --out build/runs/$*
	@touch $@

build/notebooks/%.ipynb: notebooks/%.ipynb $(TRAINED) $(SHOWN) | setup
	@mkdir -p $(@D)
	.venv/bin/python scripts/execute.py $< $@

# A solution that its check does not take for right fails.
build/notebooks/solutions/%: export COLLAPSE_GRADE := 1

# These measure the network that lesson 00 trains.
$(patsubst %,build/notebooks/%.ipynb,03_measuring_collapse 06_calibration 09_global_minimiser 11_choosing_delta \
	12_speed_against_delta): build/notebooks/00_setup_and_tour.ipynb

# The committed lessons show their pictures before anything is run. Saving them
# makes them newer than the copies, which hold the same.
lessons: setup $(TRAINED)
	@go run ./scripts/lessons generate
	$(side-by-side) $(LESSONS) $(SOLUTIONS)
	@go run ./scripts/lessons build/notebooks
	@touch $(LESSONS) $(SOLUTIONS)

# On copies, so that reading and trying out never change the committed lessons.
lab: setup
	@scripts/lab.sh
	.venv/bin/jupyter lab --notebook-dir="$(CURDIR)/build/lab" $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB)

# nbgrader gets an environment of its own, which finds the kernel in .venv.
nbgrader: build/nbgrader/done
	@echo 'nbgrader is installed. To use it: . build/nbgrader/bin/activate'

build/nbgrader/done: python/nbgrader.txt | setup
	@rm -rf $(@D)
	.venv/bin/python -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install -q --require-hashes -r $<
	@mkdir -p $(@D)/share/jupyter/kernels
	@ln -s "$(CURDIR)/.venv/share/jupyter/kernels/collapse" $(@D)/share/jupyter/kernels/collapse
	@touch $@

# Every lesson and solution runs before the tests: one that fails stops here.
# Without nbgrader its test is skipped, and says so.
test: setup $(TRAINED)
	$(side-by-side) $(LESSONS) $(SOLUTIONS)
	-@$(MAKE) --no-print-directory SECOND=1 build/nbgrader/done
	@scripts/test.sh

# JAX, a peer of the training step, gets an environment of its own. PyTorch is
# the other one where TORCH_PYTHON names a Python that has it, or
# `make bench-measure` has made one.
bench: setup build/bench-venv/done
	go build -o build/bench-train ./bench/train
	build/bench-venv/bin/python bench/train/run.py build/bench-train --width 16 64 $(if $(wildcard $(TORCH_PYTHON)),--torch $(TORCH_PYTHON))
	go test -run '^$$' -bench . -benchmem ./nc

build/bench-venv/done: bench/requirements.txt | setup
	@rm -rf $(@D)
	.venv/bin/python -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install -q -r $<
	@touch $@

# PyTorch, the peer of the metrics, takes 6 GB: a Python that has it, named by
# TORCH_PYTHON, spares the environment.
TORCH_PYTHON ?= build/bench-torch/bin/python

bench-measure: setup $(if $(filter build/%,$(TORCH_PYTHON)),build/bench-torch/done)
	$(TORCH_PYTHON) bench/measure/run.py $(COLLAPSE) --folder build

build/bench-torch/done: bench/measure/requirements.txt | setup
	@rm -rf $(@D)
	.venv/bin/python -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install -q -r $<
	@touch $@

clean:
	rm -rf .venv .tools build
