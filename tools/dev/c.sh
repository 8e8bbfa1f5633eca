# The C library: built, installed, tested plain and under sanitizers.
# shellcheck shell=bash

# c_configure FOLDER OPTION...: configures build/FOLDER
c_configure() {
    local folder=$BUILD/$1
    shift
    cmake -G Ninja -S . -B "$folder" -DIXY_WERROR=ON -DCMAKE_INSTALL_PREFIX="$PREFIX" -DCMAKE_INSTALL_LIBDIR=lib "$@"
}

c_build() {
    c_configure "$@"
    cmake --build "$BUILD/$1" -j "$JOBS"
}

# What is installed and nothing else: a test that does not compile must not stop the other languages.
library() {
    c_configure c
    cmake --build "$BUILD/c" -j "$JOBS" --target ixy ixy_command manual
    cmake --install "$BUILD/c"
}

c_ctest() {
    local folder=$BUILD/$1
    shift
    ctest --test-dir "$folder" --output-on-failure --no-tests=error "$@"
}

c_test() {
    c_build c -DIXY_TESTS=ON
    c_ctest c -j "$JOBS"
}

ASAN_BUILD=(-DIXY_TESTS=ON "-DIXY_SANITIZE=address,undefined" -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_C_FLAGS_DEBUG=-O1 -g")

c_asan() {
    c_build c-asan "${ASAN_BUILD[@]}"
    c_asan_ctest -j "$JOBS"
}

c_asan_ctest() {
    ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 c_ctest c-asan "$@"
}

# A million completions of each family of devices that are lied about, and 2000 devices with everything at once;
# ordinary runs have a tenth of them.
hostile_random() {
    c_build c-asan "${ASAN_BUILD[@]}"
    IXY_HOSTILE_COMPLETIONS=1000000 IXY_HOSTILE_DEVICES=2000 \
        c_asan_ctest -j "$JOBS" -R '^hostile_(random.*|mix)_test$'
}

# Fuzzers are libFuzzer's, so this library is clang's. fuzz [CALLS [SECONDS]], as tests/fuzz/run has them.
fuzz() {
    CC=clang c_build c-fuzz -DIXY_FUZZ=ON "-DIXY_SANITIZE=fuzzer-no-link,address,undefined" -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_C_FLAGS_DEBUG="-O2 -g"
    tests/fuzz/run "$BUILD/c-fuzz" "$@"
}

hostile_mutants() {
    tests/hostile/run
}

c_tsan() {
    local quiet=()
    c_build c-tsan -DIXY_TESTS=ON -DIXY_SANITIZE=thread -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g"
    # GCC 12's run time refuses the address layouts that newer kernels randomise to.
    ! setarch -R true 2>/dev/null || quiet=(setarch -R)
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 "${quiet[@]}" \
        ctest --test-dir "$BUILD/c-tsan" --output-on-failure --no-tests=error -L threads
}

# Checksums and tags against frames that Scapy makes and parses.
offloads_test() {
    c_build c -DIXY_TESTS=ON
    in_environment python -m pytest -q tests/offloads
}

# What ./dev peers measures: our front ends, and the core-to-core round trip.
peers_build() {
    have_testpmd
    c_configure c -DIXY_BENCHMARKS=ON
    cmake --build "$BUILD/c" -j "$JOBS" --target fronts c2c
}

# What ./dev wake runs.
wake_build() {
    c_configure c -DIXY_BENCHMARKS=ON
    cmake --build "$BUILD/c" -j "$JOBS" --target wake
}

# What ./dev checks runs.
checks_build() {
    c_configure c -DIXY_BENCHMARKS=ON
    cmake --build "$BUILD/c" -j "$JOBS" --target checks
}

# All that must hold of the ABI; each check is made, so that one run tells of all faults.
abi_check() {
    local library=$PREFIX/lib/libixy.so faulty=0
    tests/abi/check-symbols "$library" || faulty=1
    tests/abi/check-baseline "$library" || faulty=1
    tests/abi/check-old-program "$library" || faulty=1
    "$VENV/bin/python" tests/abi/check-header || faulty=1
    "$VENV/bin/python" abi/ffi/describe check || faulty=1
    tests/abi/check-bindings || faulty=1
    BINDGEN=$(bindgen_command)
    export BINDGEN
    in_environment bindings/rust-sys/check-bindings || faulty=1
    in_environment python3 tests/abi/check-mutations "$library" || faulty=1
    return "$faulty"
}

amalgamation() {
    tests/abi/check-amalgamation "$BUILD/amalgamation"
}

install_test() {
    tests/install/run "$BUILD/c" "$BUILD/install-test"
}

# The reference as HTML; a link that leads nowhere is a failure.
reference() {
    have doxygen || missing "doxygen (./dev docs brings it)"
    rm -rf "$BUILD/docs"
    mkdir -p "$BUILD/docs"
    IXY_VERSION=$(cat VERSION) IXY_REFERENCE=$BUILD/docs doxygen docs/reference/Doxyfile
    [ -s "$BUILD/docs/html/ixy__abi_8h.html" ]
}

readme_test() {
    python_installed
    in_environment tests/readme/run "$BUILD/readme-test"
}
