#!/bin/sh
# Makes the C library's one-file form in the folder given. Runs inside dune's build folder; the tool that makes it lies
# in tools/ of the repository, above the dune project.
set -eu

out=$1
folder=${DUNE_SOURCEROOT:-$(pwd | sed 's,/_build/.*,,')}
while [ ! -x "$folder/tools/amalgamate" ]; do
    if [ "$folder" = / ]; then
        echo "libixy: vendor/libixy.c is missing, and so is the repository's tools/amalgamate, which makes it." >&2
        echo "Build from a source package or from a clone of the whole repository." >&2
        exit 1
    fi
    folder=$(dirname "$folder")
done
exec "$folder/tools/amalgamate" --library-only "$out"
