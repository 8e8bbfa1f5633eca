# The bindings: each tested in its own runner, with the newest toolchain found and with Debian's where that is another.
# shellcheck shell=bash
# shellcheck disable=SC2164 # tools/dev/run ends the step at the first failure

DEBIAN_GO=/usr/bin/go

# ---- Python ----

python_test() {
    python_install
    in_environment python -m pytest -q bindings/python/tests
}

PYTHON_STAMP=$VENV/ixy-installed

python_install() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check ./bindings/python
    touch "$PYTHON_STAMP"
}

# For steps that use the binding: installs it if a source changed since that was done.
python_installed() {
    local file
    for file in $(sources core emu abi bindings/python); do
        if [ "$file" -nt "$PYTHON_STAMP" ]; then # so is every file where there is no stamp
            python_install
            break
        fi
    done
}

# ---- DPDK's testpmd as the device, through the Python binding ----

have_testpmd() {
    have dpdk-testpmd || missing "dpdk-testpmd (./dev setup peers)"
}

peers_test() {
    have_testpmd
    python_installed
    in_environment python -m pytest -q tests/peers
}

# ---- Rust ----

have_rust() {
    [ -n "$(cargo_newest)" ] || missing "cargo (./dev setup rust)"
}

rust_test() {
    local crate
    have_rust
    export CARGO_TARGET_DIR=$BUILD/rust
    for crate in bindings/rust-sys bindings/rust; do # on the installed library, and on the one they build from source
        (cd "$crate" && in_environment cargo test --locked)
        (cd "$crate" && in_environment cargo test --locked --features vendored)
    done
    (cd bindings/rust/tests/tokio && in_environment cargo test --locked)
}

# Rust 1.63 as Debian 12 has it, the oldest that the crates promise
rust_debian_test() {
    CARGO_TARGET_DIR=$BUILD/rust-debian in_environment bindings/rust/check-msrv /usr/bin
}

# ---- Go ----

have_go() {
    [ -n "$(go_newest)" ] || missing "go (./dev setup go)"
}

go_best() {
    in_environment go "$@"
}

go_debian() {
    in_environment env PATH="/usr/bin:$PATH" "$DEBIAN_GO" "$@"
}

go_test() {
    have_go
    cd bindings/go
    go_best generate ./...
    go_tests go_best
    go_best test -race ./...
}

go_debian_test() {
    cd bindings/go
    go_debian generate ./...
    go_tests go_debian
}

# go_tests GO: on the library that the module carries and on the installed one
go_tests() {
    "$1" vet ./...
    "$1" test -v ./...
    "$1" test -v -tags ixy_system ./...
}

# ---- OCaml ----

ocaml_test() {
    have dune || missing "dune (./dev setup ocaml)"
    cd bindings/ocaml
    in_environment dune build --root . --no-buffer @all
    in_environment dune test --root . --no-buffer --force
}

# ---- SWIG ----

swig_test() {
    have swig || missing "swig (./dev setup swig)"
    case $1 in
    lua) have lua5.4 || missing "lua5.4 (./dev setup swig)" ;;
    ruby) have ruby || missing "ruby (./dev setup swig)" ;;
    esac
    in_environment tests/swig/run "$1" "$BUILD/swig/$1"
}

# The ABI as ocaml-ctypes calls it, through the stubs that it generates and over libffi.
ocaml_ctypes_test() {
    have dune || missing "dune (./dev setup ocaml)"
    cd abi/ocaml-ctypes
    in_environment dune build --root . --no-buffer @all
    in_environment dune test --root . --no-buffer --force
}

luajit_test() {
    have luajit || missing "luajit (./dev setup swig)"
    tests/luajit/run "$PREFIX"
}

# ---- packages: each built outside the tree, as a registry would hand it out ----

package_test() {
    in_environment "bindings/$1/check-package"
}

# ---- the safety table ----

# safety_table [CI]: runs the safety tests of every language; with CI=true a language that is missing is a failure
safety_table() {
    python_installed
    in_environment env CI="${1-${CI:-}}" python benchmarks/safety.py --build "$BUILD"
}

# ---- the matrix ----

matrix_runner_test() {
    in_environment python -m pytest -q benchmarks/tests
}

# matrix_quick CI: builds all forwarders and runs the quick matrix; with CI=true a forwarder that is missing is a failure
matrix_quick() {
    in_environment env CI="$1" python benchmarks/matrix.py \
        --build "$BUILD" --prepare --quick --out "$BUILD/matrix-quick"
}
