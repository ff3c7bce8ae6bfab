package main

import "github.com/ipiscope/ipiscope/cmd/internal/sendipis"

// withPrograms adds what only Linux can run to the commands of the scripts.
func withPrograms(commands map[string]func()) map[string]func() {
	commands["sendipis"] = sendipis.Main
	return commands
}
