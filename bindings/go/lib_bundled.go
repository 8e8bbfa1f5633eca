//go:build !ixy_system

package ixy

//go:generate ./generate.sh

// #cgo CFLAGS: -I${SRCDIR}/libixy -O2
// #cgo LDFLAGS: -pthread
import "C"

// A change of the C sources changes that package, and so makes the go command compile this one again.
import _ "github.com/libixy/libixy/bindings/go/libixy"
