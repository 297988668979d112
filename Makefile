# Everything here can be run on a fresh clone; what it needs is installed first and fetched into .cache/ once.
.DEFAULT_GOAL := help
.PHONY: help demo pictures test bench lint clean need

run := node_modules/.bin/node --disable-warning=ExperimentalWarning
packages := node_modules/.package-lock.json

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: need $(packages) ## engine, S3, Formvault and a sample process; stays until Ctrl-C (ONCE=1: check and end)
	@$(run) demo/run.ts $(if $(filter-out 0 false no,$(ONCE)),--once)

pictures: need $(packages) ## the pictures of the case view in docs/images/, from the demo
	@$(run) demo/run.ts --pictures

test: need $(packages) ## type check, lint and all tests, on a real engine and a real S3 server
	@$(run) dev/run-tests.ts

bench: need $(packages) ## the measurements of docs/PERFORMANCE.md (BENCH='--quick', '--only live', '--write')
	@$(run) bench/run.ts $(BENCH)

lint: need $(packages) ## style and mistakes that a machine can see
	@node_modules/.bin/biome check .

clean: ## removes what was built, installed and fetched
	rm -rf dist node_modules .cache coverage

need:
	@dev/need.sh $(MAKECMDGOALS)

$(packages): package-lock.json | need
	@echo 'installing packages (once) …'
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@
