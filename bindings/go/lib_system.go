//go:build ixy_system

package ixy

// #cgo pkg-config: libixy
import "C"
