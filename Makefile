# `make run` and `make test` are all that a fresh machine needs: they see to what is missing first.

.PHONY: run soak test test-mpich test-without-mpi bench studies pictures build install lint mutants clean deps hosts-deps mpich-deps browser-deps lint-deps
.DELETE_ON_ERROR:

# Open MPI does not run as root, the usual user of a container, without these.
ifeq ($(shell id -u),0)
export OMPI_ALLOW_RUN_AS_ROOT := 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM := 1
endif

# Shell functions: what is missing of the given Debian packages, and how to get it.
define installer
as_root() { if [ "$$(id -u)" -eq 0 ]; then "$$@"; else sudo "$$@"; fi; }; \
get() { \
    [ $$# -gt 0 ] || return 0; \
    if ! command -v apt-get >/dev/null; then \
        echo "Missing. On Debian and Ubuntu it is $$*; please install what it is called here:"; \
        echo "    Fedora: openmpi-devel clang-devel pkgconf ShellCheck, then: module load mpi"; \
        echo "    Arch:   openmpi clang pkgconf shellcheck"; \
        echo "    macOS:  brew install open-mpi llvm pkgconf shellcheck"; \
        exit 1; \
    fi >&2; \
    echo "Installing $$*" >&2; \
    as_root apt-get update -qq && \
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$$@" >/dev/null; \
}
endef

# A small swarm, what came out of it, whether it kept the rules, and a page that shows it.
run: build
	@rm -rf target/sample && mkdir -p target/sample
	./bittorrent launch --input-dir inputs/test1 --output-dir target/sample --trace target/sample/trace.jsonl
	@cd target/sample && wc -l client*
	./bittorrent show target/sample/trace.jsonl

# Everything there is to check. Several tests at once, for each waits for mpirun half of its time. The program is
# built with them: `make build` would build it anew, for tests want more of some libraries.
export RUST_TEST_THREADS ?= 4
test: deps hosts-deps
	cargo test --release --workspace --locked --tests
	@cp -f target/release/bittorrent bittorrent
	./checker.sh

# The same with MPICH instead of Open MPI, as far as an mpirun makes a difference. What does not depend
# on the library is copied from the other build, if there is one; what is ours is optimised as little as its
# longest runs allow, for mpirun takes most of the time. A rank of MPICH that waits never lets another run: the tests
# whose ranks do so come one after another, and not beside any other.
MPICC_MPICH ?= mpicc.mpich
MPIRUN_MPICH ?= mpirun.mpich
QUICK = --config profile.release.package.bittorrent-swarm.opt-level=1 \
    --config profile.release.package.bittorrent-lab.opt-level=0
test-mpich: export MPICC := $(MPICC_MPICH)
test-mpich: export MPIRUN := $(MPIRUN_MPICH)
test-mpich: export CARGO_TARGET_DIR := target/mpich
test-mpich: deps mpich-deps
	@[ -d target/mpich ] || [ ! -d target/release ] || { \
	    mkdir target/mpich && cp -a target/release target/mpich && cargo clean --quiet --release -p mpi-sys; }
	cargo test --release --locked $(QUICK) --test intruder
	./checker.sh --binary target/mpich/release/bittorrent
	cargo test --release --locked $(QUICK) --test it -- --test-threads 1 grade::every_misuse grade::a_program_that_blocks
	cargo test --release --locked $(QUICK) --test it -- mpirun:: crew:: bad_input:: bad_run:: launch:: promise::

# What needs no MPI, built and run as where there is none, and no libclang either.
test-without-mpi:
	tests/without-mpi.sh

# What is measured, or the sections named in ONLY: make bench ONLY=designs
bench: deps
	cargo bench --locked --bench swarm -- $(ONLY)

# All studies of inputs/studies/, for docs/results.md. What is interrupted goes on; but another program
# may have other results.
studies: build
	@cmp -s bittorrent target/studies/bittorrent || rm -rf target/studies
	@mkdir -p target/studies && cp -f bittorrent target/studies/bittorrent
	./bittorrent study inputs/studies/*.toml --output-dir target/studies/studies --page target/studies/results.md
	@mkdir -p docs && rm -rf docs/studies && cp -R target/studies/studies target/studies/results.md docs
	@rm -f docs/studies/*/index.html

# The picture of the README: what `show` draws of a run that always is the same, in light and in dark.
CHROMIUM ?= chromium
pictures: build browser-deps
	@mkdir -p target/pictures
	./bittorrent simulate -q -i inputs/test2 --upload-time 5ms --latency 500us..2ms --seed 1 --trace target/pictures/run.jsonl
	./bittorrent show target/pictures/run.jsonl --from 130ms --to 160ms
	sed '/<\/body>/r docs/pictures/crop.html' target/pictures/run.html >target/pictures/cropped.html
	for theme in light dark; do \
	    $(CHROMIUM) --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1000,870 \
	        --virtual-time-budget=4000 --user-data-dir=target/pictures/profile \
	        --screenshot=docs/pictures/run-$$theme.png "file://$(CURDIR)/target/pictures/cropped.html#$$theme"; \
	done

# The release binary, here in the root: mpirun -np N ./bittorrent
build: deps
	cargo build --release --locked
	@cp -f target/release/bittorrent bittorrent

lint: deps lint-deps
	cargo fmt --check
	cargo clippy --release --workspace --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --locked --no-deps --document-private-items
	shellcheck checker.sh .ci/run tests/*.sh tests/hosts/*.sh src/judge/runs/*.sh

# For everybody, or with PREFIX=~/.local for yourself: the program, its manual and completions.
PREFIX ?= /usr/local
SHARE = $(DESTDIR)$(PREFIX)/share
install: build
	install -D bittorrent $(DESTDIR)$(PREFIX)/bin/bittorrent
	./bittorrent manual $(SHARE)/man/man1
	install -d $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	./bittorrent completions bash >$(SHARE)/bash-completion/completions/bittorrent
	./bittorrent completions zsh >$(SHARE)/zsh/site-functions/_bittorrent
	./bittorrent completions fish >$(SHARE)/fish/vendor_completions.d/bittorrent.fish

# Random commands with random closed, full, paused and signalled streams: make soak MINUTES=30 SEED=1
MINUTES ?= 30
soak: build
	tests/soak.sh ./bittorrent $(MINUTES) $(SEED)

# Do the tests notice when a decision changes? Takes half an hour.
mutants: deps
	@command -v cargo-mutants >/dev/null || cargo install --locked cargo-mutants
	cargo mutants --jobs 2 --output target/mutants

clean:
	cargo clean
	rm -f bittorrent

deps:
	@command -v cargo >/dev/null || { echo "No cargo: install Rust from https://rustup.rs" >&2; exit 1; }
	@$(installer); set --; \
	command -v mpirun >/dev/null && command -v mpicc >/dev/null || set -- "$$@" openmpi-bin libopenmpi-dev; \
	command -v pkg-config >/dev/null || set -- "$$@" pkg-config; \
	if command -v dpkg >/dev/null && [ -z "$$LIBCLANG_PATH" ]; then \
	    dpkg -s libclang-dev >/dev/null 2>&1 || set -- "$$@" libclang-dev; \
	fi; \
	get "$$@"

# For the test of several hosts, which can only be on Linux.
hosts-deps:
	@$(installer); PATH=$$PATH:/usr/sbin:/sbin; \
	[ "$$(uname)" != Linux ] || command -v tc >/dev/null || get iproute2

mpich-deps:
	@$(installer); set --; \
	command -v $(MPICC_MPICH) >/dev/null || set -- "$$@" libmpich-dev; \
	command -v $(MPIRUN_MPICH) >/dev/null || set -- "$$@" mpich; \
	get "$$@"

# To open pages in, where the test of them is not to be skipped.
browser-deps:
	@$(installer); for browser in chromium chromium-browser google-chrome; do \
	    if command -v $$browser >/dev/null; then exit 0; fi; \
	done; \
	get chromium

lint-deps:
	@$(installer); command -v shellcheck >/dev/null || get shellcheck
