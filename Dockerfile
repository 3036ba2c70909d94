# Builds the program and checks it, like the course's container:
#     docker build -t bittorrent . && docker run --rm bittorrent
# or runs a swarm with the inputs of this folder:
#     docker run --rm -v "$PWD:/swarm" -w /swarm bittorrent bittorrent launch

FROM rust:1-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends openmpi-bin libopenmpi-dev libclang-dev pkg-config
WORKDIR /build
COPY Cargo.toml Cargo.lock README.md ./
COPY benches benches
COPY src src
COPY tests tests
RUN cargo build --release --locked

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends openmpi-bin \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/target/release/bittorrent /usr/local/bin/
WORKDIR /usr/local/share/bittorrent
COPY checker.sh ./
COPY inputs inputs
CMD ["./checker.sh", "--binary", "/usr/local/bin/bittorrent"]
