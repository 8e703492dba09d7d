# Everything is done by e2e/cluster (Python, standard library only); this file names it. `make help` lists it.
PYTHON ?= python3
NAME ?= marsad
DRIVER = $(PYTHON) -m e2e.cluster
.DEFAULT_GOAL := help
.PHONY: help python up down status test check generated generate format bench lock

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /    make \1\t/' | expand -t 20

python: # a fresh Debian may lack it
	@command -v $(PYTHON) >/dev/null || { apt-get update && apt-get install --yes --no-install-recommends python3 python3-venv; }

up: python ## a kind cluster, the operator, a control center for Makkah, and facility traffic
	@$(DRIVER) up --name $(NAME)

down: python ## remove what `make up` made
	@$(DRIVER) down --name $(NAME)

status: python ## what runs, and where
	@$(DRIVER) status --name $(NAME)

test: python ## all tests, the ones on a kind cluster too (ARGS are pytest's)
	@$(DRIVER) test $(ARGS)

check: python ## the quick checks: format, lint, types, layers, generated files, unit tests
	@$(DRIVER) check

.venv/.installed-dev: requirements/dev.txt | python
	@$(DRIVER) environment

format: .venv/.installed-dev ## format the sources, and mend what lint can mend
	@.venv/bin/ruff check --quiet --fix . ; .venv/bin/ruff format .

generated: .venv/.installed-dev # is what is generated up to date?
	@.venv/bin/python -m marsad.api.crds --check

generate: .venv/.installed-dev ## write what is generated anew: CRDs from the models, golden files from the templates
	@.venv/bin/python -m marsad.api.crds --write
	@.venv/bin/python -m marsad.tests.core.golden --write

bench: .venv/.installed-dev ## benchmarks: ratios against a floor or a peer measured in the same run
	@.venv/bin/python -m bench

lock: python ## lock Python's dependencies anew
	@$(DRIVER) lock
