// The matrix's Go forwarder: benchmarks/README.md describes the workload and the protocol.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// request is one line of the runner.
type request struct {
	variant string
	batch   int
	timing  string
	frames  uint64
	device  string // the beginning of an address
}

func main() {
	runtime.LockOSThread() // a port that is polled has its thread to itself
	answer(map[string]interface{}{
		"ready": true, "language": "go", "variants": []string{"safe", "get_put"},
		"toolchain": runtime.Version()})
	for lines := bufio.NewScanner(os.Stdin); lines.Scan() && lines.Text() != "quit"; {
		figures, err := figuresOf(lines.Text())
		if err != nil {
			answer(map[string]string{"error": err.Error()})
		} else {
			answer(figures)
		}
	}
}

func figuresOf(line string) (interface{}, error) {
	var count int
	if n, _ := fmt.Sscanf(line, "call safe %d\n", &count); n == 1 && count >= 1 {
		return calls(count)
	}
	request, err := parse(line)
	if err != nil {
		return nil, err
	}
	return run(request)
}

// answer prints one line of JSON; standard output is not buffered.
func answer(value interface{}) {
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parse(line string) (request, error) {
	var r request
	if len(strings.Fields(line)) == 5 {
		line += " emu:82599"
	}
	_, err := fmt.Sscanf(line, "run %s %d %s %d %s\n", &r.variant, &r.batch, &r.timing, &r.frames, &r.device)
	if err != nil || r.batch < 1 || r.frames < 2 || (r.variant != "safe" && r.variant != "get_put") {
		return r, errors.New("a request is: run safe|get_put BATCH inline|threaded FRAMES [DEVICE], or: call safe CALLS, or: quit")
	}
	r.frames -= r.frames % 2
	return r, nil
}
