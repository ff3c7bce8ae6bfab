package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestAtOnceGoesOn: with two jobs a piece begins while one still runs and another waits
// for its turn, and what is said has the order of the pieces.
func TestAtOnceGoesOn(t *testing.T) {
	var said bytes.Buffer
	third := make(chan struct{})
	errs := AtOnce(&Terminal{Err: &said}, 2, 3, func(i int, t *Terminal, turn func()) error {
		switch i {
		case 0:
			<-third
		case 2:
			close(third)
		}
		turn()
		t.Warnf("warning", "piece %d", i)
		return fmt.Errorf("error %d", i)
	})
	if got := fmt.Sprint(errs); got != "[error 0 error 1 error 2]" {
		t.Error(got)
	}
	want := "ipiscope: warning: piece 0\nipiscope: warning: piece 1\nipiscope: warning: piece 2\n"
	if got := strings.ReplaceAll(said.String(), "\x1b", ""); got != want {
		t.Errorf("said %q", got)
	}
}
