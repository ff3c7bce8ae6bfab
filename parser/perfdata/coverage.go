package perfdata

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// coverage is what of the machine was recorded: the ids of the events say for
// which CPUs and threads they were opened.
type coverage struct {
	cpus    cpumask.Mask
	any     bool
	threads bool // some were opened for a thread
	roams   bool // some were opened for no CPU: their samples of a CPU may be in several buffers
}

// ordered reports whether all samples of a CPU came through one buffer.
func (c *coverage) ordered() bool { return c.any && !c.roams }

func (c *coverage) add(d *directory, id uint64, cpu, tid int64) {
	i := d.attrOf(id)
	if i < 0 || !d.attrs[i].isTracepoint() {
		return
	}
	c.any = true
	if cpu >= 0 && cpu < cpumask.MaxCPUs {
		c.cpus.Set(int(cpu))
	}
	c.roams = c.roams || cpu < 0 || cpu == 1<<32-1
	c.threads = c.threads || tid >= 0 && tid != 1<<32-1
}

// describe says what is left out.
func (c *coverage) describe(s *Source) {
	m := &s.table.Meta
	if s.hasWall {
		m.WallOffset = s.wall
	}
	for _, a := range s.dir.attrs {
		if a.isTracepoint() && a.fullName() != "" {
			m.Opened = append(m.Opened, a.fullName())
		}
	}
	if !c.any {
		return
	}
	if c.threads {
		m.Partial = append(m.Partial, "only some tasks were recorded (perf record without -a): what others sent is not in it")
	}
	if n := c.cpus.Count(); n > 0 && n < s.online {
		m.Partial = append(m.Partial, fmt.Sprintf("only CPUs %s were recorded (perf record -C): what others sent is not in it", c.cpus.String()))
	}
}
