package live

import (
	"fmt"
	"io"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/report/text"
)

// A Screen shows views on a terminal, and obeys keys. It is a tea.Model; what it
// shows depends on the messages that it got and on nothing else.
type Screen struct {
	width, height int
	colour        bool
	view          *View

	paused  bool
	newer   *View // that came while it was paused
	help    bool
	by      int // of View.Groupings
	sort    order
	cpu     int    // index of the CPU whose groups are shown, -1 for all
	row     int    // that is selected
	details bool   // of the selected row
	said    string // about the last key
	act     func(Action) string
}

// An Action is what a key asks of the program.
type Action uint8

const (
	Quit   Action = iota
	Reset         // begin to count anew what is shown
	Report        // write the report of all of the time, and the newest events
)

// order is what groups are sorted by.
type order uint8

const (
	byRate order = iota
	byTotal
	byName
	numOrders
)

func (o order) String() string { return [...]string{"hits/s", "total", "name"}[o] }

// NewScreen returns a Screen that has nothing to show yet. act carries out what keys
// ask for, soon, and returns what to say about it.
func NewScreen(colour bool, act func(Action) string) *Screen {
	return &Screen{width: 80, height: 24, colour: colour, cpu: -1, act: act}
}

// Said is a message for a Screen: what became of an Action.
type Said string

// least is the width below which lines are cut.
const least = 60

// Init implements tea.Model.
func (s *Screen) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (s *Screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = msg.Width, msg.Height
	case *View:
		if s.paused {
			s.newer = msg
			break
		}
		s.view = msg
	case Said:
		s.said = string(msg)
	case tea.KeyPressMsg:
		if s.key(msg.String()) {
			return s, tea.Quit
		}
	}
	return s, nil
}

// View implements tea.Model.
func (s *Screen) View() tea.View {
	v := tea.NewView(s.Frame())
	v.AltScreen = true
	return v
}

// key obeys a key. It is true if that ends the program.
func (s *Screen) key(name string) (quit bool) {
	s.said = ""
	switch name {
	case "q", "ctrl+c":
		s.act(Quit)
		return true
	case "p", "space":
		if s.paused = !s.paused; !s.paused && s.newer != nil {
			s.view, s.newer = s.newer, nil
		}
	case "b":
		s.by, s.cpu, s.row, s.details = s.by+1, -1, 0, false
		if s.view != nil && s.by >= len(s.view.Groupings) {
			s.by = 0
		}
	case "s":
		s.sort = (s.sort + 1) % numOrders
	case "c":
		s.nextCPU()
	case "r":
		s.said = s.act(Reset)
	case "w":
		s.said = s.act(Report)
	case "?", "h":
		s.help = !s.help
	case "up", "k":
		s.row = max(s.row-1, 0)
	case "down", "j":
		s.row++
	case "enter", "d":
		s.details = !s.details
	case "esc":
		s.details, s.help, s.cpu = false, false, -1
	}
	return false
}

func (s *Screen) nextCPU() {
	s.row, s.details = 0, false
	if s.view == nil {
		return
	}
	if s.cpu++; s.cpu >= len(s.view.CPUs.Rows) {
		s.cpu = -1
	}
}

// Frame is what is shown, a line for each line of the terminal at most.
func (s *Screen) Frame() string {
	width, height := max(s.width, least), max(s.height, 4)
	var lines []string
	switch {
	case s.help:
		for _, line := range helpLines() {
			lines = append(lines, text.Shorten(line, width))
		}
	case s.view == nil:
		lines = []string{"waiting for the first look at the buffers"}
	default:
		lines = s.viewLines(width, height-1)
	}
	if room := height - 1; len(lines) > room {
		lines = lines[:room]
	}
	for len(lines) < height-1 {
		lines = append(lines, "")
	}
	return strings.Join(append(lines, s.foot(width)), "\n")
}

// helpLines says what the keys do.
func helpLines() []string {
	return []string{
		"q        end, and print the report of all of the time",
		"p        pause: what is shown stays, counting goes on",
		"b        group by other keys",
		"s        sort by hits/s, total, name",
		"c        one CPU after the other",
		"up down  select a row",
		"enter    causes and senders of the row, and the last stack",
		"r        count anew what is shown; the report at the end has all",
		"w        write the report so far, and the events of the last --keep, to files",
		"?        this help",
	}
}

// foot is the last line: keys, and what was said about the last one.
func (s *Screen) foot(width int) string {
	line := "q quit  p pause  b by  s sort: " + s.sort.String() + "  c CPU  enter details  r reset  w write  ? help"
	if s.paused {
		line = "PAUSED  " + line
	}
	if s.said != "" {
		line = s.said
	}
	line = text.Shorten(text.Clean(line), width)
	if s.colour {
		return lipgloss.NewStyle().Reverse(true).Render(line)
	}
	return line
}

// viewLines are the lines of the view.
func (s *Screen) viewLines(width, height int) []string {
	lines := render(width, s.colour, func(w io.Writer, o text.Options) error { return s.view.writeHead(w, o, false) })
	lines = append(lines, "")
	groups := s.groups()
	title := "by " + strings.Join(s.view.Groupings[s.by].by, ", ")
	if s.cpu >= 0 {
		title = fmt.Sprintf("CPU %s by function", s.view.CPUs.Rows[s.cpu][0].Text())
	}
	lines = append(lines, text.Heading(text.Shorten(title, width), s.colour))
	if len(groups.Rows) == 0 {
		return append(lines, "no hits")
	}
	s.row = min(s.row, len(groups.Rows)-1)
	room := height - len(lines) - 1
	if s.details {
		room = min(room, s.row+2)
	}
	return append(lines, s.groupLines(groups, width, max(room, 1), height-len(lines))...)
}

// groupLines are the rows of groups that fit into room lines, below their heads, and
// of all lines the details of the selected one.
func (s *Screen) groupLines(groups *result.Table, width, room, all int) []string {
	first := max(0, min(s.row-room+1, len(groups.Rows)-room))
	part := *groups
	part.Rows = groups.Rows[first:min(first+room, len(groups.Rows))]
	rows := render(width-2, s.colour, func(w io.Writer, o text.Options) error {
		return text.Write(w, &result.Set{Tables: []*result.Table{&part}}, o)
	})
	for i := range rows {
		mark := "  "
		if first+i-1 == s.row {
			mark = "> "
		}
		rows[i] = mark + rows[i]
	}
	if !s.details {
		return rows
	}
	rows = append(rows, "")
	for _, t := range s.view.details(groups, s.row, max((all-len(rows)-6)/4, 1)) {
		rows = append(rows, render(width, s.colour, func(w io.Writer, o text.Options) error {
			return text.Write(w, &result.Set{Tables: []*result.Table{t}}, o)
		})...)
		rows = append(rows, "")
	}
	for _, line := range folded(s.view.lastStack(groups, s.row), all-len(rows)) {
		rows = append(rows, text.Shorten(text.Clean(line), width))
	}
	return rows
}

// folded is a stack below its head, on one line if there is room for no more.
func folded(stack []string, room int) []string {
	if len(stack) <= room || len(stack) == 0 {
		return stack
	}
	var frames []string
	for _, frame := range stack[1:] {
		frames = append(frames, strings.TrimSpace(frame))
	}
	return []string{"last stack: " + strings.Join(frames, track.FrameSep)}
}

// groups are those that are shown, in the order that was asked for.
func (s *Screen) groups() *result.Table {
	s.by = min(s.by, len(s.view.Groupings)-1)
	from := s.view.Groupings[s.by].Table
	if s.cpu >= len(s.view.CPUs.Rows) {
		s.cpu = -1
	}
	if s.cpu >= 0 {
		from = s.view.ofCPU(s.view.CPUs.Rows[s.cpu][0].Text())
	}
	t := *from
	t.Rows = slices.Clone(t.Rows)
	switch s.sort {
	case byTotal:
		t.SortDown(t.Index("hits"))
	case byName:
		t.SortUp(0)
	}
	return &t
}

// render is what write writes, line by line. Writing to memory does not fail.
func render(width int, colour bool, write func(io.Writer, text.Options) error) []string {
	var b strings.Builder
	if err := write(&b, text.Options{Width: width, Colour: colour}); err != nil {
		return []string{err.Error()}
	}
	return strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
}
