# Everything that a person or a machine does with this repository. "make" alone
# prints what there is. It needs Go, git, bash and make; "race" needs a C compiler.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Both binaries carry the identity of their build, and the supervisor compares
# the two. We state it ourselves, so that a build needs no repository.
BUILD_ID ?= $(shell tools/build-id)
export GOFLAGS := $(strip $(GOFLAGS) $(if $(findstring -buildvcs,$(GOFLAGS)),,-buildvcs=false))

BUILD := CGO_ENABLED=0 go build -trimpath -ldflags '-X blockgate/sandbox.buildID=$(BUILD_ID)'
SOURCES := blockgate blockgate-parser

# What "make demo" hands to the program: make demo DEMOFLAGS=--allow-no-landlock
DEMOFLAGS ?=

# How long one fuzz target runs, and, unless 0, how many seconds all of them together.
FUZZTIME ?= 10s
FUZZTOTAL ?= 0

# How many generated headers "make differential" judges, and from which seed.
DIFFERENTIAL_HEADERS ?= 1000000
DIFFERENTIAL_SEED ?= 20261121

# How many runs "make sim" plays, and the first seed.
SIM_RUNS ?= 10000
SIM_FROM ?= 0

# A golangci-lint that is already there may be given: make lint GOLANGCI_LINT=golangci-lint
GOLANGCI_LINT ?= bin/golangci-lint

# Packages that must compile for a laptop too: the words, the rules and the
# reader's library. The rest is for Linux alone, because the wall is.
PORTABLE := internal/btc internal/sha256d headerchain adapter/addrbook adapter/node parser \
	sandbox/claim sandbox/frame bus bus/jetstream

# How long "make soak" keeps parsers and a whole service busy.
SOAKTIME ?= 10m

# How many processes "make torture" kills, and from which seed; 0 picks one.
TORTURE_KILLS ?= 1000
TORTURE_SEED ?= 0

.PHONY: help demo preflight build check test race victim torture soak corpus cross bench differential sim fuzz lint tidy clean

help: ## Print this list.
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: preflight ## Build, then show the whole path on this machine, liars included (1 min).
	@$(MAKE) --no-print-directory build
	bin/blockgate demo $(DEMOFLAGS)

preflight: ## Say whether this machine can hold the wall, and what to do if not.
	@tools/preflight $(DEMOFLAGS)

build: ## Build both static binaries into bin/.
	@echo "==> build: bin/blockgate, bin/blockgate-parser ($(BUILD_ID)); the first time takes a minute or two"
	@mkdir -p bin
	@for name in $(SOURCES); do $(BUILD) -o bin/$$name ./cmd/$$name; done

check: ## Do all that a change must pass: lint, tests, race, corpora, other systems.
	@tools/steps lint build test race corpus cross

test: ## Run all tests, in random order.
	go test -shuffle=on ./...

race: ## Run all tests under the race detector (needs a C compiler).
	CGO_ENABLED=1 go test -race -timeout 20m ./...

victim: ## Try every way out of the parser's cell, under each layer, as root too (3 min).
	go test -count=1 -timeout 30m -v -run Victim ./sandbox/victim -full | grep -v -e '^=== ' -e '^ *--- PASS'

torture: ## Kill random processes of a running service, TORTURE_KILLS (1,000) of them (5 min).
	go test -count=1 -timeout 0 -v -run Torture ./cmd/blockgate -args -torture-kills $(TORTURE_KILLS) -torture-seed $(TORTURE_SEED)

soak: ## Keep parsers and a whole service busy under every layer for SOAKTIME (10m).
	go test -count=1 -timeout 0 -v -run Soak ./sandbox ./cmd/blockgate-parser ./cmd/blockgate -soak $(SOAKTIME)

corpus: ## Replay the stored inputs of every fuzz target.
	go test -run '^Fuzz' ./...

cross: ## Build for arm64, and vet for macOS what a reader needs there.
	@for name in $(SOURCES); do \
		echo "==> linux/arm64: cmd/$$name"; \
		GOOS=linux GOARCH=arm64 $(BUILD) -o bin/arm64/$$name ./cmd/$$name; \
	done
	@echo "==> vet for linux/arm64: sandbox"
	@GOARCH=arm64 go vet -tags victim ./sandbox/...
	@GOARCH=arm64 go vet -tags poison ./parser/...
	@echo "==> vet for darwin: $(wildcard $(PORTABLE))"
	@GOOS=darwin CGO_ENABLED=0 go vet $(addprefix ./,$(wildcard $(PORTABLE)))

bench: ## Run all benchmarks.
	go test -run '^$$' -bench . -benchmem ./...

differential: ## Judge a million generated headers by our rules and by btcd's (30 s).
	go test -count=1 -v -run Differential ./headerchain -args \
		-differential-headers $(DIFFERENTIAL_HEADERS) -differential-seed $(DIFFERENTIAL_SEED)

sim: ## Play SIM_RUNS (10,000) seeds of the brain among hostile peers (8 min on 2 free cores).
	go test -count=1 -timeout 0 -v -run 'TestSim$$' ./adapter/simnet -runs $(SIM_RUNS) -from $(SIM_FROM)

fuzz: ## Fuzz every target for FUZZTIME (10s), or all within FUZZTOTAL seconds.
	@tools/fuzz '$(FUZZTIME)' '$(FUZZTOTAL)'

lint: $(filter bin/golangci-lint,$(GOLANGCI_LINT)) ## Vet and lint code and scripts.
	go vet ./...
	$(GOLANGCI_LINT) run ./...
	$(GOLANGCI_LINT) run --build-tags victim ./sandbox/...
	$(GOLANGCI_LINT) run --build-tags poison ./parser/...
	@tools/lint-scripts

bin/golangci-lint: tools/lint/go.mod tools/lint/go.sum
	@echo "==> build: golangci-lint from tools/lint; the first time takes about 2 minutes"
	@go build -C tools/lint -o '$(CURDIR)/$@' github.com/golangci/golangci-lint/v2/cmd/golangci-lint

tidy: ## Hold the tree to its own rules: imports, documents, lengths.
	go test ./internal/tidy

clean: ## Remove what was built.
	rm -rf bin cover
