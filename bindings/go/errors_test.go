package ixy

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
)

func TestErrorIs(t *testing.T) {
	err := fmt.Errorf("opening: %w", &Error{Code: -11, Name: "IXY_E_ADDRESS", Text: "something particular"})
	if !errors.Is(err, ErrAddress) || errors.Is(err, ErrHandle) || errors.Is(err, os.ErrClosed) {
		t.Error("errors.Is does not go by the code")
	}
	if got := err.Error(); got != "opening: ixy: something particular (IXY_E_ADDRESS)" {
		t.Error(got)
	}
}

// TestEveryCode compares the variables with the codes of the C header.
func TestEveryCode(t *testing.T) {
	header, err := os.ReadFile("../../abi/include/ixy_errors.h")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`#define (IXY_E_\w+) (-\d+)`).FindAllStringSubmatch(string(header), -1)
	if len(codes) != len(hotErrors)-1 {
		t.Fatalf("the header has %d codes, the package %d", len(codes), len(hotErrors)-1)
	}
	for _, code := range codes {
		number, err := strconv.Atoi(code[2])
		if err != nil {
			t.Fatal(err)
		}
		failure := hotErrors[-number].(*Error)
		if failure.Code != number || failure.Name != code[1] || failure.Text == "" {
			t.Errorf("%v is %+v", code, failure)
		}
	}
}

func TestUnknownCode(t *testing.T) {
	_, err := batchResult(-1000)
	var failure *Error
	if !errors.As(err, &failure) || failure.Name != "IXY_E_UNKNOWN" {
		t.Errorf("%v", err)
	}
}
