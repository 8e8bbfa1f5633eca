# What the steps need from outside. Nothing is installed that is there already.
# shellcheck shell=bash

PACKAGES=()

# need COMMAND PACKAGE...: the Debian packages that bring a command, if it is missing
need() {
    local command=$1
    shift
    have "$command" || PACKAGES+=("$@")
}

# need_that PACKAGE TEST...: the same for what a test other than `have` finds
need_that() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || PACKAGES+=("$package")
}

libclang_is_there() {
    find /usr/lib -name 'libclang*.so*' | grep -q .
}

fuzzes() {
    printf 'int LLVMFuzzerTestOneInput(void);int LLVMFuzzerTestOneInput(void){return 0;}' |
        clang -fsanitize=fuzzer -xc - -o /dev/null
}

compiles() {
    printf '%s\n' "$1" | cc -fsyntax-only -xc -
}

setup() {
    local group
    for group in "$@"; do
        case $group in
        all)
            setup_needs c abi hostile python rust go ocaml swig peers guest lint
            need valgrind valgrind
            ;;
        matrix)
            setup_needs c python rust go ocaml swig
            need valgrind valgrind
            ;;
        readme)
            setup_needs c python rust go ocaml
            ;;
        *)
            setup_needs "$group"
            ;;
        esac
    done
    install_packages
    case " $* " in *" guest "* | *" all "*) guest_kernel ;; esac
    case " $* " in *" abi "* | *" all "*) setup_bindgen ;; esac
    setup_python "$@"
    report_versions
}

# Each language's needs, by group. Every group builds the C library.
setup_needs() {
    local group
    need cc gcc libc6-dev
    need c++ g++
    need cmake cmake
    need ninja ninja-build
    need pkg-config pkg-config
    need python3 python3
    need_that libc6-dev compiles '#include <stdio.h>'
    need_that ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
    for group in "$@"; do
        case $group in
        peers)
            setup_needs python
            need dpdk-testpmd dpdk dpdk-dev # which of the two has it depends on the release
            need stdbuf coreutils
            ;;
        guest)
            setup_needs python rust go ocaml
            need qemu-system-x86_64 qemu-system-x86
            need busybox busybox-static
            need cpio cpio
            need modprobe kmod
            ;;
        docs)
            need doxygen doxygen
            ;;
        c | install | hostile)
            need doxygen doxygen
            need clang clang
            [ "$group" != hostile ] || need_that libclang-rt-dev fuzzes
            need groff groff-base
            need man man-db
            need nm binutils
            need_that libcmocka-dev pkg-config --exists cmocka
            need_that libcjson-dev pkg-config --exists libcjson
            need_that libffi-dev pkg-config --exists libffi
            ;;
        abi)
            setup_needs c rust
            need abidiff abigail-tools
            need swig swig
            setup_needs_ctypes
            need_that libclang-dev libclang_is_there
            need_that python3-venv python3 -c 'import ensurepip, venv'
            ;;
        python)
            need_that python3-venv python3 -c 'import ensurepip, venv'
            need_that python3-dev compiles "#include \"$(python_include)/Python.h\""
            ;;
        rust)
            [ -n "$(cargo_newest)" ] || setup_needs_rust
            ;;
        go)
            [ -n "$(go_newest)" ] || PACKAGES+=(golang-go)
            ;;
        ocaml)
            need dune ocaml-dune
            need_that libdune-ocaml-dev ocamlfind query dune-configurator
            need_that libalcotest-ocaml-dev ocamlfind query alcotest
            need_that libyojson-ocaml-dev ocamlfind query yojson
            setup_needs_ctypes
            ;;
        swig)
            setup_needs python
            need swig swig
            need luajit luajit
            need lua5.4 lua5.4
            need_that liblua5.4-dev pkg-config --exists lua5.4
            need_that lua-dkjson lua5.4 -e 'require "dkjson"'
            need ruby ruby
            need_that ruby-dev ruby -r rbconfig -e 'exit(File.exist?(RbConfig::CONFIG["rubyhdrdir"] + "/ruby.h"))'
            ;;
        lint)
            need git git
            need shellcheck shellcheck
            need_that python3-venv python3 -c 'import ensurepip, venv'
            ;;
        esac
    done
}

setup_needs_ctypes() {
    need ocamlfind ocaml-findlib
    need ocamlopt ocaml-nox
    need_that libctypes-ocaml-dev ocamlfind query ctypes.foreign
}

# Debian 12 has two Rusts. 1.63 is the oldest that our crates take, but its cargo knows only the registry's old
# protocol, a git repository of hundreds of megabytes; the newer one is kept for web browsers, under other names.
setup_needs_rust() {
    if ! have apt-cache || apt-cache show cargo-web >/dev/null 2>&1; then
        PACKAGES+=(cargo-web rustc-web rust-web-clippy rustfmt-web)
    else
        PACKAGES+=(cargo rustc rust-clippy rustfmt)
    fi
}

python_include() {
    python3 -c 'import sysconfig; print(sysconfig.get_path("include"))' 2>/dev/null || echo /nowhere
}

install_packages() {
    [ ${#PACKAGES[@]} -gt 0 ] || return 0
    local packages
    mapfile -t packages < <(printf '%s\n' "${PACKAGES[@]}" | sort -u)
    if ! have apt-get; then
        missing "no apt-get here; install what these Debian packages hold: ${packages[*]}"
    fi
    [ "$(id -u)" -eq 0 ] || have sudo ||
        missing "run as root: apt-get install -y --no-install-recommends ${packages[*]}"
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# The environment in build/venv holds what the requirements name; it is made anew when they or Python change.
REQUIREMENTS=(tools/dev/requirements.txt benchmarks/requirements.txt)
setup_python() {
    local stamp=$VENV/ixy-stamp want
    case " $* " in *" c "* | *" install "* | *" docs "*) [ $# -gt 1 ] || return 0 ;; esac
    want=$(python3 -c 'import sys; print(sys.version, sys.executable)'; cat "${REQUIREMENTS[@]}")
    if [ ! -e "$stamp" ] || [ "$(cat "$stamp")" != "$want" ]; then
        rm -rf "$VENV"
        python3 -m venv "$VENV"
        "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "${REQUIREMENTS[@]/#/--requirement=}"
        printf '%s\n' "$want" >"$stamp"
    fi
}

# bindgen comes from the Rust registry, as Debian's writes other declarations; it stays among the user's own programs.
BINDGEN_VERSION=0.72.1

bindgen_command() {
    local command
    for command in "$(command -v bindgen)" "${CARGO_HOME:-$HOME/.cargo}/bin/bindgen"; do
        if [ -x "$command" ] && [ "$("$command" --version)" = "bindgen $BINDGEN_VERSION" ]; then
            echo "$command"
            return
        fi
    done
}

setup_bindgen() {
    local cargo
    cargo=$(cargo_newest)
    [ -z "$(bindgen_command)" ] || return 0
    [ -n "$cargo" ] || missing "cargo, to install bindgen (./dev setup rust)"
    "$cargo" install --quiet --locked bindgen-cli --version "$BINDGEN_VERSION"
}

report_versions() {
    local go cargo
    go=$(go_newest)
    cargo=$(cargo_newest)
    cc --version | head -n 1
    cmake --version | head -n 1
    python3 --version
    [ -z "$go" ] || "$go" version
    [ -z "$cargo" ] || "$cargo" --version
    ! have ocamlopt || echo "OCaml $(ocamlopt -version)"
}
