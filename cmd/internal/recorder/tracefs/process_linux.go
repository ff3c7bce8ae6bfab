package tracefs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// Self is this process.
func Self() (Process, error) {
	pid := os.Getpid()
	start, ok := Started(pid)
	if !ok {
		return Process{}, fmt.Errorf("/proc/%d/stat does not tell when this process was started", pid)
	}
	return Process{pid, start}, nil
}

// Started tells when a process was started, false if it does not run: field 22
// of /proc/PID/stat (proc_pid_stat(5)). The name in field 2 may hold anything, a
// closing bracket ends it.
func Started(pid int) (uint64, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	const at = 22 - 3 // the first one behind the name is field 3
	if len(fields) <= at || string(fields[0]) == "Z" || string(fields[0]) == "X" {
		return 0, false
	}
	start, err := strconv.ParseUint(string(fields[at]), 10, 64)
	return start, err == nil
}
