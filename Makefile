include Makefile.cluster

# The README's two commands are `make demo` and `make test`. `make help` lists all.
.DEFAULT_GOAL := help
.PHONY: help demo test check plugin bench install

# The kubectl the cluster came with, so that `kubectl stateful` works without one of the machine's own.
BINARY := target/debug/kubectl-stateful

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: cluster plugin ## Upgrade a live Redis Cluster under load, and watch (under 3 min when the cluster is built)
	@cargo run --quiet --package stateful-tests --bin demo

test: check cluster plugin ## Everything: `make check`, then every law on the real cluster
	cargo test --package stateful-tests --test plugin -- --test-threads=1

check: ## The part without a cluster: format, lints, unit tests, golden plans, architecture, documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	cargo test --workspace --exclude stateful-tests
	cargo test --package stateful-tests --lib $(patsubst %,--test %,$(HERE))
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps

plugin:
	cargo build --package kubectl-stateful

bench: cluster plugin ## Measure, and write docs/figures.md
	cargo run --quiet --package stateful-tests --bin bench

install: ## Install kubectl-stateful where cargo puts binaries; then `kubectl stateful` works
	cargo install --locked --path plugin
