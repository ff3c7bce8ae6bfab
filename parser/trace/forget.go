package trace

// A source that never ends refers to ever more stacks and names of tasks. All else in
// a Table has an end: there are as many symbols as the kernel has places that call.

// Forgettable are ids of a Table that may be given out again.
type forgettable struct {
	tasks      map[NameID]bool // names that are known as those of tasks alone
	freeNames  []NameID
	freeStacks []StackID
	generation uint64
}

// TaskName interns the name of a task, which Forget may forget. Who keeps the id of
// one is a Holder.
func (t *Table) TaskName(s string) NameID {
	if id, ok := t.nameIDs[s]; ok {
		return id
	}
	id := t.addName(s)
	if t.tasks == nil {
		t.tasks = map[NameID]bool{}
	}
	t.tasks[id] = true
	return id
}

// A Held is what holders still refer to.
type Held struct {
	stacks map[StackID]bool
	names  map[NameID]bool
}

// Stack notes a stack that is still wanted.
func (h *Held) Stack(id StackID) { h.stacks[id] = true }

// Name notes a name that is still wanted.
func (h *Held) Name(id NameID) { h.names[id] = true }

// A Holder keeps ids of stacks, or of the names of tasks, for longer than an event
// lasts. Hold notes all of them.
type Holder interface{ Hold(*Held) }

// Forgettable is how many stacks and names of tasks a Table has.
func (t *Table) Forgettable() int { return len(t.stacks) - 1 - len(t.freeStacks) + len(t.tasks) }

// Forget forgets the stacks, and the names of tasks, that no holder refers to. Their
// ids are given out again: nobody else may have them. It is called between two
// records. What is remembered by id holds while Generation is the same.
func (t *Table) Forget(holders ...Holder) {
	h := &Held{map[StackID]bool{0: true}, map[NameID]bool{}}
	for _, x := range holders {
		x.Hold(h)
	}
	t.generation++
	for key, id := range t.stackIDs {
		if !h.stacks[id] {
			delete(t.stackIDs, key)
			t.stacks[id] = nil
			t.freeStacks = append(t.freeStacks, id)
		}
	}
	for id := range t.tasks {
		if !h.names[id] {
			delete(t.tasks, id)
			delete(t.nameIDs, t.names[id])
			t.names[id] = ""
			t.freeNames = append(t.freeNames, id)
		}
	}
}

// Generation changes with each Forget.
func (t *Table) Generation() uint64 { return t.generation }

// reuse takes an id off a list of those that are free.
func reuse[ID NameID | StackID](free *[]ID) (id ID, ok bool) {
	n := len(*free)
	if n == 0 {
		return 0, false
	}
	id = (*free)[n-1]
	*free = (*free)[:n-1]
	return id, true
}
