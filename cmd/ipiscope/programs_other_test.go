//go:build !linux

package main

func withPrograms(commands map[string]func()) map[string]func() { return commands }
