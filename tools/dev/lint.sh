# Formatters, linters and the rules of the house.
# shellcheck shell=bash

# sources PATTERN...: files of the tree, as git sees them: tracked, or new and not ignored
sources() {
    # In CI the tree may belong to another user.
    git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
        [ ! -f "$file" ] || echo "$file"
    done
}

lint_c() {
    sources '*.c' '*.h' | grep -vE '^abi/(include|baseline)/' | xargs -r "$VENV/bin/clang-format" --dry-run -Werror
}

lint_shell() {
    local file
    for file in $(sources); do
        if [ "$(head -c 2 "$file" | tr -d '\0')" = '#!' ] && head -n 1 "$file" | grep -qE '\b(ba|da)?sh$'; then
            echo "$file"
        fi
    done | cat - <(sources '*.sh') | sort -u | xargs -r shellcheck -x
}

# Scripts in Python have no ending: their first line tells.
python_scripts() {
    local file
    for file in $(sources tools tests benchmarks bindings abi); do
        case $file in
        *.py) echo "$file" ;;
        *) ! head -n 1 "$file" | tr -d '\0' | grep -q '^#!.*python' || echo "$file" ;;
        esac
    done
}

lint_python() {
    local files
    mapfile -t files < <(python_scripts)
    "$VENV/bin/ruff" check "${files[@]}"
    "$VENV/bin/ruff" format --check "${files[@]}"
    if [ -d bindings/python ]; then
        (cd bindings/python && "$VENV/bin/mypy")
    fi
}

lint_rust() {
    local manifest
    [ -n "$(cargo_newest)" ] || missing "cargo (./dev setup rust)"
    for manifest in $(sources 'bindings/*Cargo.toml' 'benchmarks/*Cargo.toml' 'tests/*Cargo.toml'); do
        in_environment cargo fmt --manifest-path "$manifest" --check
        in_environment cargo clippy --manifest-path "$manifest" --target-dir "$BUILD/rust" --all-targets -- \
            -D warnings -A clippy::needless-doctest-main # examples in READMEs are whole programs
    done
}

lint_go() {
    local module unformatted
    [ -n "$(go_newest)" ] || missing "go (./dev setup go)"
    unformatted=$(sources '*.go' | in_environment xargs -r gofmt -l)
    [ -z "$unformatted" ] || { echo "gofmt would change: $unformatted"; exit 1; }
    ! [ -d bindings/go ] || (cd bindings/go && in_environment go generate ./...)
    for module in $(sources '*go.mod'); do
        (cd "$(dirname "$module")" && in_environment go vet ./...)
    done
}

lint_house() {
    sources | tools/dev/house
}
