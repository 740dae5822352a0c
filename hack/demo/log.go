package main

import (
	"os"
	"strings"
)

// shownLines is how many lines of the manager's log are shown after a failure. One that cannot start says why in the last ones.
const shownLines = 15

// endOfLog is the end of the manager's log, indented; or why it cannot be read.
func endOfLog(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "  " + err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	if lines[0] == "" {
		return "  (it is empty)"
	}
	return "  " + strings.Join(lines[max(0, len(lines)-shownLines):], "\n  ")
}
