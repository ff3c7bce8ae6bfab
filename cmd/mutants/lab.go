package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A verdict is what became of a mutant.
type verdict string

const (
	killed    verdict = "noticed"
	lived     verdict = "LIVES"
	stillborn verdict = "does not compile"
)

// A lab runs the tests of one package with files changed.
type lab struct {
	pkg    string // as go test takes it
	tmp    string
	config *config
}

func newLab(dir string, c *config) (*lab, error) {
	tmp, err := os.MkdirTemp("", "mutants")
	return &lab{pkg: "./" + filepath.ToSlash(filepath.Clean(dir)), tmp: tmp, config: c}, err
}

func (l *lab) close() { _ = os.RemoveAll(l.tmp) }

// healthy makes sure that the tests pass without a change: else all would seem noticed.
func (l *lab) healthy(ctx context.Context) error {
	out, err := l.test(ctx)
	if err != nil {
		return fmt.Errorf("the tests fail without a change: %w\n%s", err, out)
	}
	return nil
}

func (l *lab) try(ctx context.Context, m *mutant) (verdict, error) {
	file := filepath.Join(l.tmp, filepath.Base(m.path))
	if err := os.WriteFile(file, m.changed(), 0o600); err != nil {
		return "", err
	}
	abs, err := filepath.Abs(m.path)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {abs: file}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(l.tmp, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	out, err := l.test(ctx, "-overlay", overlay)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err == nil:
		return lived, nil
	case strings.Contains(out, "[build failed]"), strings.Contains(out, "[setup failed]"):
		return stillborn, nil
	case errors.As(err, &exit), errors.Is(err, context.DeadlineExceeded):
		return killed, nil
	}
	return "", err
}

// test runs the package's tests. A change may make them loop or take all memory: the
// time of each is limited, and GOMEMLIMIT keeps the collector at work.
func (l *lab) test(ctx context.Context, args ...string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, l.config.patience+time.Minute)
	defer stop()
	args = append([]string{"test", "-vet=off", "-count=1", "-failfast", "-timeout", l.config.patience.String()}, args...)
	if l.config.short {
		args = append(args, "-short")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, l.pkg)...)
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), "GOMEMLIMIT=2GiB")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
