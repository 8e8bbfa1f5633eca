#!/bin/sh
# Makes the C library's one-file form in the folder given. Runs inside dune's build folder; the repository is two
# folders above the dune project.
set -eu

out=$1
root=${DUNE_SOURCEROOT:-$(pwd | sed 's,/_build/.*,,')}
tool=$root/../../tools/amalgamate
if [ ! -x "$tool" ]; then
    echo "libixy: vendor/libixy.c is missing, and so is $tool, which makes it." >&2
    echo "Build from a source package or from a clone of the whole repository." >&2
    exit 1
fi
exec "$tool" --library-only "$out"
