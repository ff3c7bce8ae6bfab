package main

import (
	"bytes"
	"context"
	"os"
	"testing"
)

// A reader that goes away ends cat without a word.
func TestCatClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	var errw bytes.Buffer
	status := run(context.Background(), []string{"cat", "../../fixtures/k612s4-12b-all-stack/trace.dat"}, nil, w, &errw)
	if status != 0 || errw.Len() > 0 {
		t.Errorf("exit %d, said %q", status, &errw)
	}
}
