//go:build go1.24

package ixy

// Frames that C only reads and writes during the call may lie on the stack. cgo of older Go versions does not know the word.

// #cgo noescape ixy_rx_batch
// #cgo noescape ixy_tx_batch
// #cgo noescape ixy_buf_alloc
// #cgo noescape ixy_buf_free
import "C"
