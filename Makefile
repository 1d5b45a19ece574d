# `make demo` shows the main job, `make test` runs every test. Both install what is missing.
PREFIX ?= $(HOME)/.local
BUN := node_modules/.bin/bun
SOURCES := $(shell find src)

.PHONY: help setup build install check test bench demo clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 16

setup: node_modules/.package-lock.json ## install the npm and Debian packages that are missing
	@sh scripts/packages.sh test
	@sh test/network/clients.sh

build: dist/cordon ## compile dist/cordon

install: build ## put cordon into PREFIX/bin (~/.local/bin)
	@mkdir -p "$(DESTDIR)$(PREFIX)/bin"
	@install -m 755 dist/cordon "$(DESTDIR)$(PREFIX)/bin/.cordon.new"
	@mv -f "$(DESTDIR)$(PREFIX)/bin/.cordon.new" "$(DESTDIR)$(PREFIX)/bin/cordon"
	@echo "installed $(DESTDIR)$(PREFIX)/bin/cordon"

check: node_modules/.package-lock.json ## types, lint, reference pages, unit tests: under a minute
	@$(BUN) scripts/test.ts --quick

# The agents first: the network tests run where no package registry can be reached.
test: setup build ## everything
	@$(BUN) test/agents/install.ts > /dev/null || echo "not here: the real agents (tests that need them are skipped)" >&2
	@$(BUN) scripts/test.ts

# Areas to measure, e.g. BENCH=workspaces; all of them by default.
bench: setup build ## start-up time, memory, throughput, workspaces
	@sh scripts/packages.sh bench
	@$(BUN) bench/main.ts $(BENCH)

# Arguments for cordon, e.g. DEMO="--preset open"; DEMO=--unprotected leaves cordon out.
demo: node_modules/.package-lock.json build ## a real agent at work, and what it cannot do
	@sh scripts/packages.sh demo
	@$(BUN) demo/main.ts $(DEMO)

clean: ## remove what was built and downloaded
	rm -rf dist .cache node_modules

node_modules/.package-lock.json: package.json package-lock.json
	@echo "installing npm packages"
	@sh scripts/npm.sh

dist/cordon: node_modules/.package-lock.json scripts/build.ts $(SOURCES)
	@echo "compiling dist/cordon"
	@$(BUN) scripts/build.ts dist/cordon
