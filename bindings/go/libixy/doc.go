// Package libixy carries the C sources of libixy, which package ixy compiles unless the build tag ixy_system is set.
//
// It is a Go package so that `go mod vendor` copies the folder. The C sources (libixy.c.inc and the headers) and sum.go
// are generated from the repository's C sources by `go generate`; a released version of the module has them.
package libixy
