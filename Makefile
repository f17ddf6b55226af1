include Makefile.cluster

# The README's two commands are `make demo` and `make test`. `make help` lists all.
.DEFAULT_GOAL := help
.PHONY: help demo demo-programs test check explore faults chaos monitoring servers plugin guard-image guard-debug-image couchdb-stand-in-image bench install

# Always the whole workspace, and of it the tests that are named: with fewer crates, cargo compiles the dependencies again, with fewer
# features. (tests/compile does the same for programs.)
LAWS = cargo test --workspace --test laws

# The tests that need no cluster.
HERE := --lib --bins --test engines --test model --test architecture --test plans

# What the demo deploys. The test cluster's other images are built once something uses them.
DEMO_IMAGES = $(if $(filter mongodb,$(ENGINE)),mongodb-5.0 mongodb-6.0,redis-7.0 redis-8.0)

# Three nodes that all laws share, and three for laws that drain nodes with whatever is on them.
test faults chaos: export NODES := 6

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-23s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# First what might be refused, so that no refusal waits for a compiler; then the cluster (Go) and our programs (Rust) at the same time.
demo: export IMAGES := $(DEMO_IMAGES)
demo: ## Upgrade a live Redis Cluster under load, and watch; ENGINE=mongodb: a MongoDB (under 3 min when the cluster is built)
	@tests/cluster/up --check
	@$(MAKE) --no-print-directory --jobs 2 cluster demo-programs
	@ENGINE=$(ENGINE) target/debug/demo

demo-programs:
	@tests/compile kubectl-stateful demo

test: check cluster plugin guard-debug-image couchdb-stand-in-image ## Everything: `make check`, then every law on the real cluster
	$(LAWS)

check: servers ## The part without a cluster: format, lints, unit tests, golden plans, architecture, documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	cargo test --workspace $(HERE)
	@! command -v cargo-deny >/dev/null || cargo deny check licenses bans sources
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps

faults: cluster plugin ## The laws that take minutes each: five members, members that die at each step, a node cut off (not part of `make test`)
	$(LAWS) -- --ignored --skip chaos::

chaos: export CHAOS_SEED := $(or $(SEED),1)
chaos: export CHAOS_MINUTES := $(or $(MINUTES),30)
chaos: cluster plugin ## A storm of faults over six databases under writers: SEED=1 MINUTES=30 (not part of `make test`)
	$(LAWS) -- --ignored --nocapture chaos::

explore: ## Explore the decisions on which the data depends, with larger bounds than `make check` (minutes)
	cargo test --workspace --lib --bins explored -- --include-ignored

monitoring: ## Try every alert of manifests/monitoring with promtool (needs Go; compiles it first, once, for minutes)
	@tests/monitoring/try

servers: ## Bring the database servers that the engine laws start on this machine into target/servers (a minute, once)
	@tests/servers/install

# The laws run the binary as it is; cargo does not build it for them.
plugin:
	@tests/compile kubectl-stateful

# Static, so that the image holds one file; for this machine's own kind, since no other is installed with the compiler.
GUARD_TARGET = $(shell rustc -vV | sed -n 's/^host: //p')
guard-image: ## Build the guard's image and load it into the test cluster's nodes (a quarter of an hour at first)
	RUSTFLAGS='-C target-feature=+crt-static' cargo build --quiet --release --target $(GUARD_TARGET) --package stateful-webhook
	@tests/cluster/load-image webhook-dev manifests/Containerfile target/$(GUARD_TARGET)/release/stateful-webhook

# Compiled with the laws and like them: what people install is faster, and holds its libraries itself.
guard-debug-image: ## The same, not optimised and in seconds: what `make test` proves
	@tests/compile stateful-webhook
	@tests/cluster/load-image webhook-dev tests/laws/guard/Containerfile target/debug/stateful-webhook

# No registry has a server of CouchDB; COUCHDB_IMAGE names a real one. Two tags of one program, so that an upgrade is one.
COUCHDB_STAND_IN = tests/couchdb-stand-in
couchdb-stand-in-image: ## Build the stand-in for CouchDB and load it into the test cluster's nodes (seconds)
	@tests/compile couchdb-stand-in
	@for version in 3.3 3.4; do tests/cluster/load-image couchdb-stand-in-$$version $(COUCHDB_STAND_IN)/$$version.Containerfile \
		target/debug/couchdb-stand-in || exit; done

# Measured is what people install.
bench: cluster ## Measure ours, the rollout everybody does, and nothing happening; write docs/figures.md
	cargo build --quiet --release --package kubectl-stateful
	@tests/compile bench
	@KUBECTL_STATEFUL=target/release/kubectl-stateful target/debug/bench

install: ## Install kubectl-stateful where cargo puts binaries; then `kubectl stateful` works
	cargo install --locked --path plugin
