package ftext

import (
	"fmt"
	"testing"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestTracerRows reads rows that kernel 7.2 and public mails print; the values are
// what their columns say.
func TestTracerRows(t *testing.T) {
	tests := []struct{ line, event, want string }{
		{"       osnoise/2-2364    [002] ....1  1165.769847: 473621     453476   4.25340  331366     64      0      3      0      0", "osnoise",
			"runtime=473621 noise=453476 max_sample=331366 hw_count=64 nmi_count=0 irq_count=3 softirq_count=0 thread_count=0"},
		{"          <idle>-0       [003] d.h1.   497.984105: #4498  context    irq timer_latency     64995 ns", "timerlat", "seqnum=4498 context=0 timer_latency=64995"},
		{"     timerlatu/2-1402    [002] ....1   220.194359: #4098  context user-ret timer_latency    172053 ns", "timerlat", "seqnum=4098 context=2 timer_latency=172053"},
		{"           <...>-505     [000] d....    96.223111: #1     inner/outer(us): 60076/27855 ts:1796054978.556141112 count:215", "hwlat",
			"seqnum=1 duration=60076 outer_duration=27855 tv_sec=1796054978 tv_nsec=556141112 count=215"},
		{"           <...>-505     [000] dn...    98.281514: #9     inner/outer(us):  323/3650  ts:1796054980.616377104 count:356 nmi-total:12 nmi-count:3", "hwlat",
			"seqnum=9 duration=323 outer_duration=3650 count=356 nmi_total_ts=12 nmi_count=3"},
		{"  hwlatd-505   [000]    96.223111: hwlat: cnt:1\tts:1796054987.0587854423\tinner:11206\touter:18085\tcount:222\tnmi-ts:0\tnmi-count:0", "hwlat",
			"seqnum=1 tv_sec=1796054987 tv_nsec=587854423 duration=11206 outer_duration=18085 count=222 nmi_count=0"},
		// cut, or with a column of another form
		{"       osnoise/2-2364    [002] ....1  1165.769847: 473621     453476   4.25340  331366     64      0      3      0", "?", ""},
		{"       osnoise/2-2364    [002] ....1  1165.769847: 473621     453476   4.2534   331366     64      0      3      0      0", "?", ""},
		{"          <idle>-0       [003] d.h1.   497.984105: #4498  context    irq timer_latency     64995", "?", ""},
		{"          <idle>-0       [003] d.h1.   497.984105: #4498  context   idle timer_latency     64995 ns", "?", ""},
		{"           <...>-505     [000] d....    96.223111: #1     inner/outer(us): 60076/27855 ts:1796054978.556141112 cou", "?", ""},
	}
	for _, tt := range tests {
		s := open(t, tt.line+"\n", Options{})
		if !s.Scan() {
			t.Errorf("%q: no record", tt.line)
			continue
		}
		e, ok := s.Record().(*trace.Event)
		if !ok {
			if tt.event != "?" {
				t.Errorf("%q: %v", tt.line, s.Record())
			}
			continue
		}
		if e.Schema().Name != tt.event {
			t.Errorf("%q: event %s, want %s", tt.line, e.Schema().Name, tt.event)
			continue
		}
		got := map[string]uint64{}
		for i := range e.Schema().Fields {
			f := &e.Schema().Fields[i]
			if v, ok := e.Uint(e.Schema().Ref(f.Name)); ok {
				got[f.Name] = v
			}
		}
		checkFields(t, tt.line, tt.want, got)
	}
}

// checkFields wants each name=value of a text.
func checkFields(t *testing.T, line, want string, got map[string]uint64) {
	t.Helper()
	for want != "" {
		var word, name string
		var v uint64
		if n, _ := fmt.Sscanf(want, "%s", &word); n != 1 {
			return
		}
		want = want[min(len(want), len(word)+1):]
		for i := range word {
			if word[i] == '=' {
				name = word[:i]
				fmt.Sscanf(word[i+1:], "%d", &v)
			}
		}
		if g, ok := got[name]; !ok || g != v {
			t.Errorf("%q: %s is %d (%v), want %d", line, name, g, ok, v)
		}
	}
}
