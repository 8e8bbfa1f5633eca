# The guest tests: our drivers on QEMU's network cards, in a Linux of its own that QEMU boots.
# shellcheck shell=bash
# shellcheck disable=SC2164 # tools/dev/run ends the step at the first failure

GUEST=$BUILD/guest # kernel/ and forward-LANGUAGE; initramfs archives

# Debian's kernel for virtual machines: unpacked, not installed.
guest_kernel() {
    ! [ -d "$GUEST/kernel" ] || return 0
    have apt-get || missing "no apt-get here; unpack the package that linux-image-cloud-amd64 needs into $GUEST/kernel"
    rm -rf "$GUEST/package" "$GUEST/unpacked"
    mkdir -p "$GUEST/package"
    guest_kernel_download || { as_root apt-get update -q && guest_kernel_download; }
    dpkg -x "$GUEST"/package/*.deb "$GUEST/unpacked"
    mv -T "$GUEST/unpacked" "$GUEST/kernel"
    rm -r "$GUEST/package"
}

guest_kernel_download() {
    local package
    package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2 }') &&
        (cd "$GUEST/package" && apt-get download -q "$package")
}

# One forwarder a language, each as its users build it on the installed library.
guest_forwarders() {
    local sources=tests/guest/forwarders
    read -ra flags < <(in_environment pkg-config --cflags --libs libixy)
    cc -std=c11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE "$sources/c/forward.c" -o "$GUEST/forward-c" "${flags[@]}"
    (
        cd "$sources/rust"
        CARGO_TARGET_DIR=$BUILD/rust in_environment cargo build --release --locked
        cp "$BUILD/rust/release/forward" "$GUEST/forward-rust"
    )
    (cd "$sources/go" && in_environment go build -tags ixy_system -o "$GUEST/forward-go" .)
    (
        cd "$sources/ocaml"
        in_environment dune build --root . --profile release ./forward.exe
        install -m 755 _build/default/forward.exe "$GUEST/forward-ocaml"
    )
}

# A driver with a mistake: no program of the ABI can make it.
guest_stray() {
    cmake --build "$BUILD/c" -j "$JOBS" --target ixy_static
    cc -std=c11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -I. tests/guest/stray.c -o "$GUEST/stray" \
        "$BUILD/c/libixy_static.a" -pthread
}

guest_build() {
    have qemu-system-x86_64 || missing "qemu-system-x86_64 (./dev setup guest)"
    have_rust
    have_go
    have dune || missing "dune (./dev setup ocaml)"
    guest_forwarders
    guest_stray
    python_installed
}

guest_test() {
    in_environment python -m pytest -q tests/guest
}
