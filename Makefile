# make help lists the targets. Everything is made once: a second call uses what exists, and an interrupted training resumes
# from its last checkpoint.

PYTHON ?= python3
VENV ?= .venv
# processes of pytest
WORKERS ?= 2
# processes that `make reliability` kills, and damaged files of each kind
KILLS ?= 120
FUZZ_CASES ?= 300
# more arguments for the training of `make pretrain`, such as --cfg-options
TRAIN_ARGS ?=
SEED ?= 0

MODELS := cliff multi-roi
DEMO := work_dirs/demo
PRETRAIN := work_dirs/pretrain
COVERAGE := work_dirs/coverage

cliff_config := configs/cliff/cliff_movenet_1xb64-30e_synthetic-256x192.py
multi-roi_config := configs/multi_roi/multi-roi_movenet_1xb64-30e_synthetic-256x192.py

BIN := $(VENV)/bin
# Without an NVIDIA driver torch comes from PyTorch's CPU wheels, which are 3 GB smaller; where that index cannot be
# reached, from the ordinary one.
CPU_WHEELS := $(if $(shell command -v nvidia-smi),,--retries 1 --extra-index-url https://download.pytorch.org/whl/cpu)
PIP := $(BIN)/python -m pip install --disable-pip-version-check -c requirements/constraints.txt
INSTALLED := $(VENV)/.installed

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help install demo pretrain test coverage reliability lint docs docs-links docs-commands mmcv-ops clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

install: $(INSTALLED)  ## virtual environment with the tested set of packages

$(INSTALLED): setup.py $(wildcard requirements/*.txt)
	@test -x $(BIN)/python || $(PYTHON) mmroi/version.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python mmroi/version.py
	$(PIP) setuptools
	$(PIP) $(CPU_WHEELS) torch || $(PIP) torch
	$(PIP) --no-build-isolation -e '.[vis,dev]'
	$(PIP) --no-deps mmhuman3d einops  # its own pins date from 2023 and cannot be met
	@touch $@

test: $(INSTALLED)  ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# the absolute path, because tests and their processes work in folders of their own
coverage: export COVERAGE_FILE = $(CURDIR)/$(COVERAGE)/data
coverage: $(INSTALLED)  ## run the tests and list the lines and branches of the package that none of them reaches
	rm -rf $(COVERAGE)
	OMP_NUM_THREADS=1 $(BIN)/coverage run -m pytest -n $(WORKERS) --dist loadfile
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet --fail-under=0 --directory $(COVERAGE)/html
	$(BIN)/coverage report

reliability: $(INSTALLED)  ## kill trainings and writers and damage hundreds of files: the long form of the tests
	OMP_NUM_THREADS=1 MMROI_KILLS=$(KILLS) $(BIN)/python -m pytest tests/integration/test_kills.py
	OMP_NUM_THREADS=1 MMROI_KILLS=$(KILLS) MMROI_FUZZ_CASES=$(FUZZ_CASES) $(BIN)/python -m pytest -k 'damage or kills' \
		tests/fileio tests/datasets/test_feature_shards.py tests/datasets/converters/test_convert.py \
		tests/apis/inference/test_videos.py
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/fuzz_readers.py --cases $(FUZZ_CASES)
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/fuzz_inputs.py --cases $(FUZZ_CASES)

lint: $(INSTALLED)  ## check format and style (ruff) and types (mypy)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

demo: $(INSTALLED)  ## train and test both models in minutes, test the shipped ones, draw pictures, print a table
	$(BIN)/python tools/benchmark.py demo --work-dir $(DEMO) --report-dir $(DEMO)

pretrain: $(MODELS:%=$(PRETRAIN)/%/published)  ## train the shipped checkpoints again: hours on a CPU, minutes on a GPU

DOCS := docs/_build
SPHINX = $(BIN)/python -m sphinx --fail-on-warning --keep-going --jobs auto --doctree-dir $(DOCS)/doctrees

$(VENV)/.docs: requirements/docs.txt | $(INSTALLED)
	$(PIP) -r requirements/docs.txt
	@touch $@

docs: $(VENV)/.docs  ## build the documentation in docs/_build/html; warnings and broken links between pages are errors
	$(SPHINX) docs $(DOCS)/html

docs-links: $(VENV)/.docs  ## check the links of the documentation to other sites
	$(SPHINX) -b linkcheck docs $(DOCS)/links

docs-commands: $(INSTALLED)  ## run every command of README and documentation, at a small scale: an hour
	OMP_NUM_THREADS=1 $(BIN)/python docs/commands.py

mmcv-ops: $(INSTALLED)  ## replace mmcv-lite with compiled mmcv (17-48 minutes), for Mask R-CNN and Faster R-CNN
	$(PIP) ninja psutil
	$(BIN)/python -m pip uninstall -y mmcv-lite
	MMCV_WITH_OPS=1 $(PIP) --no-build-isolation --no-binary mmcv mmcv
	$(BIN)/python -c 'from mmcv.ops import RoIAlign; import mmcv._ext; print(mmcv._ext.__file__)'

clean:  ## remove the results of the demo and caches; keeps the environment, datasets, and pretraining
	rm -rf $(DEMO) $(DOCS) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -exec rm -rf {} +

# images for training, by preset
num_natural := 10000
num_full := 7000

data/synthetic/%/.made: | $(INSTALLED)
	$(BIN)/python tools/dataset_tools/make_synthetic.py --preset $* --seed $(SEED) --num-train $(num_$*) --num-val 500
	@touch $@

# the shipped checkpoints
$(PRETRAIN)/%/trained: data/synthetic/natural/.made data/synthetic/full/.made | $(INSTALLED)
	$(BIN)/python tools/train.py $($*_config) --work-dir $(@D) --resume auto $(TRAIN_ARGS)
	@touch $@

$(PRETRAIN)/%/published: $(PRETRAIN)/%/trained
	$(BIN)/python tools/model_converters/publish_model.py "$$(cat $(@D)/last_checkpoint)" \
		checkpoints/$*_movenet_synthetic.pth --half --without-backbone --for-prediction
	@touch $@

.SECONDARY:
