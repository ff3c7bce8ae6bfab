package timeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/timeline"
)

// marks are what a small trace is made of: a send with an arrow to a hit with a
// stretch, and a function in that; then a send to nobody and a gap.
func marks() []result.Mark {
	arg := func(name string, v result.Value) result.Field { return result.Field{Name: name, Value: v} }
	return []result.Mark{
		{CPU: 0, Category: "send", Name: "do_sync_core", Start: 1001, End: 1001, Moment: true, From: []uint64{1<<16 | 2}, Stack: []string{"text_poke_bp_batch", "static_key_enable"},
			Args: []result.Field{arg("comm", result.Str("a\"\xff<b>")), arg("pid", result.Int(-1))}},
		{CPU: 2, Isolated: true, Category: "hit", Name: "do_sync_core", Start: 2000, End: 5000, To: []uint64{1<<16 | 2}},
		{CPU: 2, Isolated: true, Category: "function", Name: "do_sync_core", Start: 2000, End: 5000},
		{CPU: 1, Category: "send", Name: "reschedule", Start: 6000, End: 6000, Moment: true},
		{CPU: -1, Category: "lost", Name: "events lost", Start: 7000, End: 7000, Moment: true},
	}
}

// write writes the marks as two traces.
func write(t *testing.T, format string) []byte {
	t.Helper()
	i := slices.IndexFunc(timeline.Formats(), func(f timeline.Format) bool { return f.Name == format })
	if i < 0 {
		t.Fatalf("no format %s", format)
	}
	var out bytes.Buffer
	w := timeline.Formats()[i].New(&out)
	for _, path := range []string{"dir/a.dat", "b.dat"} {
		if err := w.Begin(result.Timeline{Path: path, Kernel: "6.12", Clock: "mono", Isolated: "2"}); err != nil {
			t.Fatal(err)
		}
		for _, m := range marks() {
			if err := w.Mark(&m); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close([]result.Input{{Path: "dir/a.dat", Clock: "mono"}, {Path: "b.dat", Clock: "mono"}}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// schema compiles Perfetto's own definition of the messages.
func schema(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	text, err := os.ReadFile("testdata/perfetto.proto")
	if err != nil {
		t.Fatal(err)
	}
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{"perfetto.proto": string(text)})}}
	files, err := c.Compile(context.Background(), "perfetto.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0].Messages().ByName("Trace")
}

// TestPerfettoSchema: what is written is a Trace of Perfetto's schema with no
// field that the schema does not have.
func TestPerfettoSchema(t *testing.T) {
	trace := dynamicpb.NewMessage(schema(t))
	if err := proto.Unmarshal(write(t, "perfetto"), trace); err != nil {
		t.Fatal(err)
	}
	var unknown func(protoreflect.Message)
	unknown = func(m protoreflect.Message) {
		if len(m.GetUnknown()) > 0 {
			t.Errorf("%s has fields that are not in the schema: %x", m.Descriptor().Name(), m.GetUnknown())
		}
		m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			switch {
			case f.Message() == nil:
			case f.IsList():
				for i := range v.List().Len() {
					unknown(v.List().Get(i).Message())
				}
			default:
				unknown(v.Message())
			}
			return true
		})
	}
	unknown(trace)
	if text := prototext.Format(trace); strings.Count(text, "TYPE_SLICE_BEGIN") != 4 || strings.Count(text, "TYPE_SLICE_END") != 4 {
		t.Errorf("want two stretches for each trace:\n%s", text)
	}
}

// TestPerfetto reads the packets back as a viewer does: names by their numbers,
// marks on their tracks.
func TestPerfetto(t *testing.T) {
	got := readPerfetto(t, write(t, "perfetto"))
	var want []string
	for i, path := range []string{"dir/a.dat", "b.dat"} {
		file := path + " (clock mono)"
		from := fmt.Sprintf("%d", uint64(i+1)<<56|1<<16|2)
		isolated, others := file+"/Isolated CPUs 2/", file+"/Housekeeping CPUs/"
		want = append(want,
			"1001 instant "+file+" recording:recording file="+path+" kernel=6.12 clock=mono unit=ns isolated=2",
			"1001 instant "+others+"CPU 0 send:do_sync_core from="+from+" comm=a\"\uFFFD<b> pid=-1 stack=[text_poke_bp_batch static_key_enable]",
			"2000 begin "+isolated+"CPU 2 hit:do_sync_core to="+from,
			"5000 end "+isolated+"CPU 2",
			"2000 begin "+isolated+"CPU 2 function:do_sync_core",
			"5000 end "+isolated+"CPU 2",
			"6000 instant "+others+"CPU 1 send:reschedule",
			"7000 instant "+others+"CPU not recorded lost:events lost",
		)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// readPerfetto turns a trace into a line for each event.
func readPerfetto(t *testing.T, data []byte) []string {
	t.Helper()
	trace := dynamicpb.NewMessage(schema(t))
	if err := proto.Unmarshal(data, trace); err != nil {
		t.Fatal(err)
	}
	get := func(m protoreflect.Message, name protoreflect.Name) protoreflect.Value {
		return m.Get(m.Descriptor().Fields().ByName(name))
	}
	list := func(m protoreflect.Message, name protoreflect.Name) []protoreflect.Value {
		l := get(m, name).List()
		var all []protoreflect.Value
		for i := range l.Len() {
			all = append(all, l.Get(i))
		}
		return all
	}
	texts := map[protoreflect.Name]map[uint64]string{"event_categories": {}, "event_names": {}, "debug_annotation_names": {}, "debug_annotation_string_values": {}}
	tracks := map[uint64]string{0: ""}
	var lines []string
	for _, p := range list(trace, "packet") {
		packet := p.Message()
		if d := get(packet, "track_descriptor").Message(); d.IsValid() {
			name := get(d, "name").String()
			if parent := tracks[get(d, "parent_uuid").Uint()]; parent != "" {
				name = parent + "/" + name
			}
			tracks[get(d, "uuid").Uint()] = name
			continue
		}
		interned := get(packet, "interned_data").Message()
		for kind := range texts {
			for _, v := range list(interned, kind) {
				m := v.Message()
				text := m.Descriptor().Fields().ByName("name")
				if text == nil {
					text = m.Descriptor().Fields().ByName("str")
				}
				value := m.Get(text)
				if text.Kind() == protoreflect.BytesKind {
					value = protoreflect.ValueOfString(string(value.Bytes()))
				}
				texts[kind][get(m, "iid").Uint()] = value.String()
			}
		}
		e := get(packet, "track_event").Message()
		kind := []string{"", "begin", "end", "instant"}[get(e, "type").Enum()]
		line := fmt.Sprintf("%d %s %s", get(packet, "timestamp").Uint(), kind, tracks[get(e, "track_uuid").Uint()])
		for _, c := range list(e, "category_iids") {
			line += " " + texts["event_categories"][c.Uint()] + ":" + texts["event_names"][get(e, "name_iid").Uint()]
		}
		for _, id := range list(e, "flow_ids") {
			line += fmt.Sprintf(" from=%d", id.Uint())
		}
		for _, id := range list(e, "terminating_flow_ids") {
			line += fmt.Sprintf(" to=%d", id.Uint())
		}
		for _, a := range list(e, "debug_annotations") {
			m := a.Message()
			name, value := texts["debug_annotation_names"][get(m, "name_iid").Uint()], texts["debug_annotation_string_values"][get(m, "string_value_iid").Uint()]
			if m.Has(m.Descriptor().Fields().ByName("int_value")) {
				value = fmt.Sprint(get(m, "int_value").Int())
			}
			var frames []string
			for _, v := range list(m, "array_values") {
				frames = append(frames, texts["debug_annotation_string_values"][get(v.Message(), "string_value_iid").Uint()])
			}
			if frames != nil {
				value = fmt.Sprint(frames)
			}
			line += " " + name + "=" + value
		}
		lines = append(lines, line)
	}
	return lines
}

// TestChrome: the JSON is valid and its arrows have both ends within stretches.
func TestChrome(t *testing.T) {
	var doc struct {
		DisplayTimeUnit string
		TraceEvents     []struct {
			Ph, Name, Cat, ID, Bp, S string
			Pid, Tid                 int
			Ts, Dur                  json.Number
			Args                     map[string]any
		}
		OtherData map[string]string
	}
	data := write(t, "chrome")
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	var got []string
	for _, e := range doc.TraceEvents {
		switch e.Ph {
		case "M":
			got = append(got, fmt.Sprintf("M %s %d/%d %v", e.Name, e.Pid, e.Tid, e.Args))
		case "X":
			got = append(got, fmt.Sprintf("X %s:%s %d/%d %s+%s %v", e.Cat, e.Name, e.Pid, e.Tid, e.Ts, e.Dur, e.Args))
		case "i":
			got = append(got, fmt.Sprintf("i %s:%s %d/%d %s %s", e.Cat, e.Name, e.Pid, e.Tid, e.Ts, e.S))
		default:
			got = append(got, fmt.Sprintf("%s %s %d/%d %s %s", e.Ph, e.ID, e.Pid, e.Tid, e.Ts, e.Bp))
		}
	}
	want := []string{
		"M process_name 1/1 map[name:Isolated CPUs 2: dir/a.dat (clock mono)]",
		"M process_sort_index 1/1 map[sort_index:1]",
		"M process_labels 1/1 map[labels:6.12]",
		"M process_name 2/1 map[name:Housekeeping CPUs: dir/a.dat (clock mono)]",
		"M process_sort_index 2/1 map[sort_index:2]",
		"M process_labels 2/1 map[labels:6.12]",
		"M thread_name 2/1 map[name:CPU 0]",
		"M thread_sort_index 2/1 map[sort_index:0]",
		"X send:do_sync_core 2/1 1.001+0.000 map[comm:a\"\uFFFD<b> pid:-1 stack:[text_poke_bp_batch static_key_enable]]",
		"s 0x100000000010002 2/1 1.001 ",
		"M thread_name 1/3 map[name:CPU 2]",
		"M thread_sort_index 1/3 map[sort_index:2]",
		"X hit:do_sync_core 1/3 2.000+3.000 map[]",
		"f 0x100000000010002 1/3 2.000 e",
		"X function:do_sync_core 1/3 2.000+3.000 map[]",
		"M thread_name 2/2 map[name:CPU 1]",
		"M thread_sort_index 2/2 map[sort_index:1]",
		"i send:reschedule 2/2 6.000 t",
		"M thread_name 2/0 map[name:CPU not recorded]",
		"M thread_sort_index 2/0 map[sort_index:-1]",
		"i lost:events lost 2/0 7.000 t",
	}
	if d := cmp.Diff(want, got[:min(len(want), len(got))]); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if len(got) != 2*len(want) || doc.OtherData["clock2"] != "mono" {
		t.Errorf("%d events, want those of two traces; %v", len(got), doc.OtherData)
	}
}

// TestEmpty: no marks is a valid file too.
// TestNoiseTrack: noise has a track of its own beside that of its CPU.
func TestNoiseTrack(t *testing.T) {
	for _, f := range timeline.Formats() {
		var out bytes.Buffer
		w := f.New(&out)
		if err := w.Begin(result.Timeline{Path: "a.dat", Isolated: "2"}); err != nil {
			t.Fatal(err)
		}
		for _, on := range []bool{false, true} {
			m := result.Mark{CPU: 2, Isolated: true, Category: result.MarkNoise, Name: "local_timer", Start: 1000, End: 3000, OnNoise: on}
			if err := w.Mark(&m); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(nil); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(out.Bytes(), []byte("CPU 2")); n != 2 || !bytes.Contains(out.Bytes(), []byte("CPU 2 noise")) {
			t.Errorf("%s: %d tracks of CPU 2, want its own and CPU 2 noise: %q", f.Name, n, out.Bytes())
		}
	}
}

func TestEmpty(t *testing.T) {
	for _, f := range timeline.Formats() {
		var out bytes.Buffer
		if err := f.New(&out).Close(nil); err != nil {
			t.Error(err)
		}
		if f.Name == "chrome" && !json.Valid(out.Bytes()) {
			t.Errorf("%s", out.Bytes())
		}
	}
}

// TestErrors: what cannot be written is said.
func TestErrors(t *testing.T) {
	for _, f := range timeline.Formats() {
		w := f.New(full{})
		err := w.Begin(result.Timeline{})
		for range 10000 {
			if m := marks()[0]; err == nil {
				err = w.Mark(&m)
			}
		}
		if err == nil || w.Close(nil) == nil {
			t.Errorf("%s: no error", f.Name)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }
