//go:build !ixy_system

// The C library itself, compiled into the package. With the build tag ixy_system an installed one is used instead.

#include "libixy/libixy.c.inc"
