# Two commands matter: `make demo` and `make test`. Either does all the set-up it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# Processes of the test run; a file's tests stay together, so that what they share is made once.
JOBS ?= 2
# One thread per fit: results must not depend on the machine's core count (see segtool/personas).
export OMP_NUM_THREADS ?= 1
# Bytecode is kept in the virtual environment: without it every start re-parses the packages.
unexport PYTHONDONTWRITEBYTECODE
export UV_SYSTEM_CERTS := 1
export UV_NATIVE_TLS := 1

.PHONY: help demo test lint docs notebooks bench lock clean

help:  ## what each target does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.ready  ## label, find personas, plan targeting on the two sample studies; reports in out/
	$(BIN)/segtool run data/sample/circle/study.toml --out out/circle --force
	$(BIN)/segtool run data/sample/grocery/study.toml --out out/grocery --force

test: $(VENV)/.ready $(VENV)/.spark  ## everything: unit tests, doctests, README commands, notebooks, browser
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

lint: $(VENV)/.ready  ## the style checks alone
	$(BIN)/ruff check .

bench: $(VENV)/.ready  ## the committed benchmarks, side by side with their peers (takes a while)
	$(BIN)/python -m benchmarks

notebooks: $(VENV)/.ready  ## execute the notebooks in place, draw the README picture
	$(BIN)/python -m scripts.run_notebooks
	$(BIN)/python -m scripts.draw_readme_picture

docs: $(VENV)/.ready  ## write the tested pages into docs/labels.md
	$(BIN)/python -m tests.spec

lock: $(VENV)/.ready  ## pin again what pyproject.toml asks for; hashes only, no registry is named
	$(BIN)/uv pip compile pyproject.toml --extra notebook --extra read --extra dev --universal \
	  --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --no-emit-find-links --upgrade -o requirements.lock
	$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['spark'])" | \
	  $(BIN)/uv pip compile - --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --upgrade -o requirements-spark.lock

# The stamp comes last, so a broken set-up is tried again. An environment that is there stays: made over with
# another Python it would be half of each. The umap import fills its compile cache.
$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "segtool needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "could not make $(VENV): on Debian run 'apt-get install python3-venv' first"; exit 1; }
	@echo "installing the pinned packages into $(VENV) (about a minute)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==0.13.9 2>/dev/null && \
	  $(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements.lock || \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -W ignore -c "import umap, seaborn"
	@touch $@

# Spark is large and only its tests need it, so `make demo` does not wait for it.
$(VENV)/.spark: requirements-spark.lock $(VENV)/.ready
	@echo "installing Spark for its tests (450 MB)"
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements-spark.lock || \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-spark.lock
	@touch $@

clean:  ## remove what the targets made
	rm -rf $(VENV) out
