package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A ManifestLine says of one trace what the recording cannot.
type ManifestLine struct {
	Path     string
	Isolated *Isolated `json:"-"` // nil if the manifest does not say
	Host     string
	Date     string
	Groups   map[string]string // further columns by their heads
	// Set is the set as a list, or what stands in the column where that depends on
	// the number of CPUs.
	Set string
}

// Restore makes Isolated of Set, in a line that was sent as JSON.
func (l *ManifestLine) Restore() (err error) {
	if l.Set != "" {
		l.Isolated, err = isolatedFromText([]byte(l.Set))
	}
	return err
}

// maxManifest bounds a manifest: a line for each of 10^6 traces.
const maxManifest = 256 << 20

// ReadManifest reads a CSV file (RFC 4180) with a head: path, and any of isolated,
// host, date and columns of one's own. isolated is a CPU list or the text of
// /proc/cmdline. Paths that are not absolute begin where the manifest is.
func ReadManifest(path string) ([]ManifestLine, error) {
	text, err := ReadFile(path, maxManifest)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.TrimLeadingSpace, r.Comment = true, '#'
	head, err := r.Read()
	if err == io.EOF {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, Usage(fmt.Errorf("--manifest %s: %w", path, err))
	}
	if !slices.Contains(head, "path") {
		return nil, Usage(fmt.Errorf("--manifest %s: line 1: no column is called path; the columns are %s", path, strings.Join(head, ", ")))
	}
	var lines []ManifestLine
	for {
		row, err := r.Read()
		if err == io.EOF {
			return lines, nil
		}
		if err == nil {
			var l ManifestLine
			if l, err = manifestLine(head, row, filepath.Dir(path)); err == nil {
				lines = append(lines, l)
				continue
			}
			n, _ := r.FieldPos(0)
			err = fmt.Errorf("line %d: %w", n, err)
		}
		return nil, Usage(fmt.Errorf("--manifest %s: %w", path, err))
	}
}

func manifestLine(head, row []string, folder string) (l ManifestLine, err error) {
	for i, name := range head {
		value := row[i]
		switch name {
		case "path":
			if value == "" {
				return l, errors.New("the path is empty")
			}
			if l.Path = value; !filepath.IsAbs(value) {
				l.Path = filepath.Join(folder, value)
			}
		case "isolated":
			if value == "" {
				continue
			}
			l.Set = value
			if l.Isolated, err = isolatedFromText([]byte(value)); err != nil {
				return l, fmt.Errorf("isolated %q: %w", value, err)
			}
			if l.Isolated.open == "" {
				l.Set = l.Isolated.Mask.String()
			}
		case "host":
			l.Host = value
		case "date":
			l.Date = value
		default:
			if value != "" {
				if l.Groups == nil {
					l.Groups = map[string]string{}
				}
				l.Groups[name] = value
			}
		}
	}
	return l, nil
}

// A Shard is a part of many traces: the I'th of N, counted from 0.
type Shard struct{ I, N uint64 }

// ParseShard reads "I/N".
func ParseShard(text string) (Shard, error) {
	a, b, ok := strings.Cut(text, "/")
	i, err1 := strconv.ParseUint(a, 10, 32)
	n, err2 := strconv.ParseUint(b, 10, 32)
	if !ok || err1 != nil || err2 != nil || i >= n {
		return Shard{}, Usage(fmt.Errorf("--shard %q: want I/N with I from 0 to N-1, such as 3/64", text))
	}
	return Shard{i, n}, nil
}

// Has reports whether a trace is in the shard, which its path alone decides: lines
// that are added to a manifest do not move the others.
func (s Shard) Has(path string) bool {
	sum := sha256.Sum256([]byte(path))
	return s.N == 0 || binary.BigEndian.Uint64(sum[:])%s.N == s.I
}
