package catalog

import (
	"fmt"
	"strconv"
	"strings"
)

// A kernel is what rows are chosen for. The zero value is one of which nothing is known: all rows
// hold for it, and say for which kernels.
type kernel struct {
	version version
	arch    string
}

// A version is the first two numbers of a kernel's release; 0 if it is not known.
type version int

func makeVersion(major, minor int) version { return version(major<<16 | minor) }

func (v version) String() string { return fmt.Sprintf("%d.%d", v>>16, v&0xffff) }

// parseVersion reads MAJOR.MINOR.
func parseVersion(s string) (version, error) {
	major, minor, ok := strings.Cut(s, ".")
	a, err := strconv.ParseUint(major, 10, 8)
	b, err2 := strconv.ParseUint(minor, 10, 16)
	if !ok || err != nil || err2 != nil {
		return 0, fmt.Errorf("%q is no kernel version such as 6.12", s)
	}
	return makeVersion(int(a), int(b)), nil
}

// A kernelRange is the kernels that a row holds for, both ends included; 0 is no end.
type kernelRange struct{ since, until version }

func parseRange(since, until string) (r kernelRange, err error) {
	if since != "-" {
		if r.since, err = parseVersion(since); err != nil {
			return r, err
		}
	}
	if until != "-" {
		if r.until, err = parseVersion(until); err != nil {
			return r, err
		}
	}
	if r.until != 0 && r.until < r.since {
		return r, fmt.Errorf("since %s is after until %s", r.since, r.until)
	}
	return r, nil
}

func (r kernelRange) has(v version) bool { return v >= r.since && (r.until == 0 || v <= r.until) }

func (r kernelRange) String() string {
	switch {
	case r.since != 0 && r.until != 0:
		return fmt.Sprintf("Linux %s to %s", r.since, r.until)
	case r.since != 0:
		return fmt.Sprintf("Linux %s and later", r.since)
	case r.until != 0:
		return fmt.Sprintf("Linux up to %s", r.until)
	}
	return ""
}

// releaseVersion is the version of a release, 6.12.107+deb13-amd64. The kernels of Red Hat's
// distributions carry newer code under an old number: theirs is not known.
func releaseVersion(release string) version {
	if _, el, ok := strings.Cut(release, ".el"); ok && el != "" && el[0]-'0' <= 9 {
		return 0
	}
	major, rest, _ := strings.Cut(release, ".")
	end := 0
	for end < len(rest) && rest[end]-'0' <= 9 {
		end++
	}
	v, err := parseVersion(major + "." + rest[:end])
	if err != nil {
		return 0
	}
	return v
}

// archOf is an architecture as the tables call it, from the words of uname, a release or a recorder;
// "" if they name none.
func archOf(words ...string) string {
	for _, s := range words {
		for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == '-' || r == '.' || r == '+' }) {
			switch word {
			case "x86_64", "amd64", "x86", "i386", "i486", "i586", "i686":
				return "x86"
			case "aarch64", "arm64":
				return "arm64"
			case "s390x", "s390":
				return "s390"
			case "ppc64le", "ppc64", "ppc64el", "powerpc":
				return "powerpc"
			case "riscv64", "riscv":
				return "riscv"
			case "armv7l", "armhf", "arm":
				return "arm"
			}
		}
	}
	return ""
}

// holdsOn reports whether a row of one or several architectures holds for one.
func holdsOn(list, arch string) bool {
	for list != "" {
		var one string
		one, list, _ = strings.Cut(list, ",")
		if one == "any" || one == arch {
			return true
		}
	}
	return false
}

// For returns the catalogue for the kernel of a recording: rows that hold for other versions or
// architectures only are left out. release is as uname prints it; arch holds words that may name
// the architecture. What is not known leaves nothing out: such rows say what they hold for.
func (c *Catalog) For(release string, arch ...string) *Catalog {
	k := kernel{releaseVersion(release), archOf(append(arch, release)...)}
	if k == c.kernel || c.tables == nil {
		return c
	}
	if v, ok := c.views.Load(k); ok {
		return v.(*Catalog)
	}
	view, errs := c.tables.compile(k)
	if len(errs) > 0 {
		return c // cannot be: the same rows were compiled before
	}
	view.views = c.views
	c.views.Store(k, view)
	return view
}
