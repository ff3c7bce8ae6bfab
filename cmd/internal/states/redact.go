package states

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// Redactable lists what --redact takes.
func Redactable() []string { return []string{"comm", "pid", "stack", "path", "host"} }

// maxSecret bounds the file of --redact-key.
const maxSecret = 1 << 16

// A redaction replaces names by hashes of them, the same for the same name, so that
// counts of different states still join. A nil redaction replaces nothing.
type redaction struct {
	what   []string
	secret []byte
}

func parseRedaction(list, file string, page bool) (*redaction, error) {
	if list == "" {
		if file != "" {
			return nil, cli.Usage(errors.New("--redact-key goes with --redact"))
		}
		return nil, nil
	}
	r := &redaction{what: strings.Split(list, ",")}
	for _, w := range r.what {
		if !slices.Contains(Redactable(), w) {
			return nil, cli.Unknown("redact", w, Redactable())
		}
	}
	slices.Sort(r.what)
	if page && slices.Contains(r.what, "stack") {
		return nil, cli.Usage(errors.New("--redact stack: a page (--for html) is made of stacks"))
	}
	if file != "" {
		var err error
		if r.secret, err = cli.ReadFile(file, maxSecret); err != nil {
			return nil, fmt.Errorf("--redact-key: %w", err)
		}
	}
	return r, nil
}

// String is what is replaced, and a word that tells one secret from others.
func (r *redaction) String() string {
	if r == nil {
		return ""
	}
	text := strings.Join(r.what, ",")
	if r.secret != nil {
		text += " with key " + r.hash("key", "")
	}
	return text
}

func (r *redaction) hash(kind, name string) string {
	h := hmac.New(sha256.New, r.secret)
	fmt.Fprintf(h, "%s\x00%s", kind, name)
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// name is what stands for a name of a kind. What is none, as "(no send)", stays.
func (r *redaction) name(kind, name string) string {
	if r == nil || !slices.Contains(r.what, kind) || name == "" || strings.HasPrefix(name, "(") {
		return name
	}
	return kind + "-" + r.hash(kind, name)
}

// asked replaces what is known of a trace before it is read.
func (r *redaction) asked(a *state.Asked) {
	a.Path, a.Host = r.name("path", a.Path), r.name("host", a.Host)
}

// groups replaces what groups are called by, by what renames the values of a key.
func (r *redaction) groups(rename func(key.Key, func(string) string)) {
	if r == nil {
		return
	}
	for kind, k := range map[string]key.Key{"comm": key.Comm, "pid": key.PID, "stack": key.Stack} {
		rename(k, func(name string) string { return r.name(kind, name) })
	}
}
