package html

import (
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// An advice is what to do, the first few things in sight.
type advice struct {
	First, More []advised
	Summary     string // of More
}

// advised is one thing to do.
type advised struct{ Hits, Share, Class, Function, Root, What, Why, Limit, Source string }

func newAdvice(t *result.Table, l limits) *advice {
	a := &advice{}
	var left int64
	hits := t.Index("hits")
	for r, row := range t.Rows {
		whole := func(name string) string {
			i := t.Index(name)
			if i < 0 {
				return ""
			}
			return text.Human(row[i], t.Cols[i].Unit)
		}
		field := func(name string) string { return l.shown(whole(name)) }
		x := advised{field("hits"), field("share"), field("class"), l.shown(fewNames(whole("function"))), l.shown(fewNames(whole("root"))), field("mitigation"), field("reason"), field("limit"), field("source")}
		switch {
		case r < t.Brief || t.Brief == 0 && r < l.advice:
			a.First = append(a.First, x)
			continue
		case r < l.advice:
			a.More = append(a.More, x)
		}
		if hits >= 0 {
			left += row[hits].Int
		}
	}
	if n := len(t.Rows) - len(a.First); n > 0 {
		a.Summary = fmt.Sprintf("%d more, for %d hits", n, left)
		if n > len(a.More) {
			a.Summary += fmt.Sprintf("; --format json has the last %d", n-len(a.More))
		}
	}
	return a
}

// fewNames is the beginning of a long list of names.
func fewNames(list string) string {
	const most = 8
	names := strings.Split(list, ", ")
	if len(names) <= most {
		return list
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
