package tracecmd

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// bssIndent is where the further lines of printBSSInfo begin.
const bssIndent = 65

// A bssField is a field that printBSSInfo prints if the event has it; one
// without a name stands for a new line.
type bssField struct {
	name string
	hex  bool
	last bool // no blank follows
}

var bssFields = [...]bssField{
	{}, {name: "assoc"}, {name: "aid"}, {name: "cts"}, {name: "shortpre"}, {name: "shortslot"}, {name: "dtimper"},
	{}, {name: "bcnint"}, {name: "assoc_cap", hex: true}, {name: "basic_rates", hex: true}, {name: "enable_beacon", last: true},
	{}, {name: "ht_operation_mode", last: true},
}

// printBSSInfo: plugin_mac80211.c, drv_bss_info_changed. It reads wiphy_name
// vif_name vif_type, and bssFields.
func printBSSInfo(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst = p.appendText(dst, f, e, 0)
	dst = p.appendText(append(dst, " vif:"...), f, e, 1)
	if typ, ok := p.field(f, e, 2); ok {
		dst = append(appendInt(append(dst, '('), int64(int32(typ)), 0), ')')
	} else {
		dst = f.cannotFind(dst, 2)
	}
	i := 3
	for _, b := range bssFields {
		if b.name == "" {
			dst = appendSpaces(append(dst, '\n'), bssIndent)
			continue
		}
		v, ok := p.field(f, e, i)
		i++
		switch {
		case !ok:
		case b.hex && v != 0: // "%#x", 0 without its prefix
			dst = appendHex(append(append(dst, b.name...), ':'), uint64(uint32(v)))
		default:
			dst = appendInt(append(append(dst, b.name...), ':'), int64(int32(v)), 0)
		}
		if !b.last {
			dst = append(dst, ' ')
		}
	}
	return dst
}

func bssFieldNames() []string {
	names := []string{"wiphy_name", "vif_name", "vif_type"}
	for _, b := range bssFields {
		if b.name != "" {
			names = append(names, b.name)
		}
	}
	return names
}

// appendText appends the text of a field, which may be a __data_loc.
func (p *Printer) appendText(dst []byte, f *form, e *trace.Event, i int) []byte {
	if f.refs[i] == trace.NoField {
		return append(append(dst, "NOTFOUND:"...), f.fields[i]...)
	}
	d := tracefmt.Decoder{BigEndian: p.table.Meta.BigEndian, LongSize: p.table.Meta.LongSize}
	b, _ := d.Span(e.Payload(), &e.Schema().Fields[f.refs[i]])
	if n := bytes.IndexByte(b, 0); n >= 0 {
		b = b[:n]
	}
	return append(dst, b...)
}
