# ./dev test: which steps there are and in which order.
# shellcheck shell=bash

test_main() {
    local only=() group
    while [ $# -gt 0 ]; do
        case $1 in
        --only)
            [ $# -ge 2 ] || die "--only wants a group: $GROUPS_ALL"
            IFS=, read -ra group <<<"$2"
            only+=("${group[@]}")
            shift 2
            ;;
        --only=*)
            set -- --only "${1#--only=}" "${@:2}"
            ;;
        *) die "test: no option \"$1\"; there is --only GROUP, GROUP one of: $GROUPS_ALL" ;;
        esac
    done
    for group in "${only[@]}"; do
        known_group "$group" || die "test: no group \"$group\"; there are: $GROUPS_ALL"
    done
    if [ ${#only[@]} -eq 0 ] || [[ " ${only[*]} " == *" all "* ]]; then
        read -ra only <<<"$GROUPS_ALL"
    fi

    needed setup setup "${only[@]}"
    needed build library
    for group in $GROUPS_ALL; do # in one order, whatever the order of the options
        case " ${only[*]} " in *" $group "*) "test_$group" ;; esac
    done
    finish
}

test_c() {
    step c c_test
    step c.asan c_asan
    step c.tsan c_tsan
    step c.offloads offloads_test
    step amalgamation amalgamation
}

test_abi() {
    step abi abi_check
}

# What a lying device can do: long random runs under the sanitizers, and proof that each check is tested.
test_hostile() {
    step hostile.random hostile_random
    step hostile.mutants hostile_mutants
    step hostile.fuzz fuzz
}

test_install() {
    step install install_test
    step reference reference
}

test_python() {
    step python python_test
    test_package python
}

test_rust() {
    local cargo
    cargo=$(cargo_newest)
    step rust rust_test
    if [ -n "$cargo" ] && debian_too "$cargo" /usr/bin/cargo --version && /usr/bin/rustc --version | grep -q '1\.63\.'; then
        step rust.debian rust_debian_test
    fi
    test_package rust-sys
    test_package rust
}

test_go() {
    local go
    go=$(go_newest)
    step go go_test
    if [ -n "$go" ] && debian_too "$go" /usr/bin/go version; then
        step go.debian go_debian_test
    fi
    test_package go
}

test_ocaml() {
    step ocaml ocaml_test
    step ocaml.ctypes ocaml_ctypes_test
    test_package ocaml
}

# Languages that have no binding of their own here: modules that SWIG makes of the header, and what was bound from the
# binding guide.
test_swig() {
    local language
    step luajit luajit_test
    for language in python lua ruby; do
        step "swig.$language" swig_test "$language"
    done
}

# Our driver against devices that no one here wrote.
test_peers() {
    step peers peers_test
}

# Real drivers of ours on emulated PCI cards, in a virtual machine.
test_guest() {
    step guest.build guest_build
    step guest guest_test
}

# test_package BINDING: what its registry would hand out, built outside the tree
test_package() {
    [ ! -x "bindings/$1/check-package" ] || step "package.$1" package_test "$1"
}

test_readme() {
    [ ! -f README.md ] || step readme readme_test
}

test_matrix() {
    local ci=true # here everything is built, so a gap is a fault, unless its toolchain is known to be missing
    [ ${#STEPS_MISSING[@]} -eq 0 ] || ci=${CI:-}
    step matrix.runner matrix_runner_test
    step safety safety_table "$ci"
    step matrix matrix_quick "$ci"
}

test_lint() {
    local what
    for what in house c shell python rust go; do
        step "lint.$what" "lint_$what"
    done
}
