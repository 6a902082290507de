# Targets: install demo test quick check bench. The environment is .venv; a second run reinstalls nothing.
PYTHON ?= python3.11
BIN := .venv/bin
# Where pip finds torch. Empty: pip's own index. For the CPU or another CUDA build, the index that PyTorch's
# installation page names:  make install TORCH_INDEX=https://...
TORCH_INDEX ?=
# Processes that test, each with a broker and a cache of its own. 0: all in one.
WORKERS ?= 2
STAMP := .venv/.installed

.PHONY: install demo test quick check bench
install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	    $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,s3]'
	touch $@

demo: install
	$(BIN)/oncostream demo $(DEMO)

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(TESTS)

quick: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) -m "not slow" $(TESTS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_house_rules.py

bench: install
	OMP_NUM_THREADS=1 $(BIN)/python tests/bench/run.py $(BENCH)
