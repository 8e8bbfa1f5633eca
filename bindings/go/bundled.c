//go:build !ixy_system

// The C library itself, compiled into the package. With the build tag ixy_system an installed one is used instead.

#if !__has_include("libixy/libixy.c.inc")
#error "the C sources of libixy are not here: in a checkout run `go generate`, or use -tags ixy_system"
#endif

#include "libixy/libixy.c.inc"
