# HairMe's commands. `make` lists them; README.md says more.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test story check bench demo clean environment environment-dev

BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
# Settings of a real site, with throw-away values: what `manage.py check --deploy` looks at.
AS_PRODUCTION := HAIRME_ENV=production SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(64))") \
	ALLOWED_HOSTS=hairme.example DATABASE_URL=postgres://hairme@localhost/hairme REDIS_URL=redis://localhost:6379/0

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  Settings by environment: PORT=8000  HOST=127.0.0.1  HAIRME_VAR=var  PYTHON=python3.12  (docs/settings.md lists all)"

run: environment ## Run HairMe on this machine until Ctrl-C
	@exec $(MANAGE) up

test: environment-dev ## Run the test suite on a database of its own
	@exec $(BIN)/python -m pytest -n 2 --dist loadgroup tests

story: environment-dev ## Test the whole story of the learning loop (minutes)
	@exec $(BIN)/python -m pytest -m story tests/mltraining/test_story.py

check: environment-dev ## Style, types, import contracts, migrations, deployment settings, OpenAPI
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(MANAGE) makemigrations --check --dry-run
	$(AS_PRODUCTION) $(MANAGE) check --deploy --fail-level WARNING
	$(MANAGE) spectacular --validate --fail-on-warn --file /dev/null

bench: environment-dev ## Measure every performance figure this project claims
	@exec $(BIN)/python -m bench

demo: environment ## Fill the database with a demonstration set
	@exec $(MANAGE) up --exec demo

clean: ## Remove the environment and caches (never var/, which holds your data)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

environment:
	@./environment.sh requirements.txt

environment-dev:
	@./environment.sh requirements-dev.txt
