# Two commands: `make run` opens the app with a demo project, `make test` passes all tests.
# Each sets up what it needs; README.md has the same as plain pip, streamlit and pytest lines.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
export ICSSN_WORKSPACE ?= workspace
unexport PYTHONDONTWRITEBYTECODE  # tests start hundreds of processes: none should have to compile what another did

.PHONY: setup setup-dev packages browser postgis run test check style types imports bench bench-peers clean

setup: $(VENV)/.setup
setup-dev: $(VENV)/.setup-dev

$(VENV)/.setup: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.setup-dev: requirements-dev.txt requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.txt
	touch $@ $(VENV)/.setup

# Debian's packages for the tests: a Chromium, and PostgreSQL with PostGIS. Only root can install what is missing.
CHROMIUM := command -v chromium || command -v chromium-browser || command -v google-chrome
POSTGIS  := ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1

packages:
	@missing=""; { $(CHROMIUM); } >/dev/null || missing="chromium fonts-noto-cjk"; \
	$(POSTGIS) || missing="$$missing postgresql-postgis"; \
	[ -z "$$missing" ] || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null \
	|| { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; } || true

# A Chromium for the browser tests: the machine's own, else Playwright's download.
browser: setup-dev packages
	@$(CHROMIUM) || $(BIN)/python -m playwright install chromium

# The tests of the store start and end a server of their own; without PostGIS those on PostgreSQL are skipped.
postgis: packages
	@$(POSTGIS) || echo "No PostGIS here: the tests on PostgreSQL will be skipped."

run: setup
	@test -d "$(ICSSN_WORKSPACE)" || $(BIN)/icssn demo
	$(BIN)/streamlit run app.py

# Two processes with one thread each: on two cores a quarter less time than one process with two threads. Both are as
# nice as the work that they wait for: workers give way to everything else, and would starve beside the other process.
test: setup-dev browser postgis
	OMP_NUM_THREADS=1 nice -n 10 $(BIN)/python -m pytest --numprocesses 2 --dist loadgroup

check: style types imports

style: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup-dev
	$(BIN)/mypy

imports: setup-dev
	$(BIN)/lint-imports

bench: setup-dev
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script $(BENCH) || exit 1; done

bench-peers: setup-dev
	test -x $(VENV)-peers/bin/python || $(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/pip install -q --disable-pip-version-check -r requirements-peers.txt
	@for script in tiles inference; do \
		$(BIN)/python benchmarks/$$script.py --peers $(VENV)-peers/bin/python $(BENCH) || exit 1; done

clean:
	rm -rf $(VENV) $(VENV)-peers .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
