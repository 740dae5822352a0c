package main

import (
	"os"
	"strings"
)

// addedFile shows a file, as it is now, as the diff that added it.
func addedFile(path string) func() (string, error) {
	return func() (string, error) {
		source, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		var out strings.Builder
		out.WriteString("```diff\n--- /dev/null\n+++ b/" + path + "\n")
		for line := range strings.Lines(string(source)) {
			out.WriteString("+" + strings.ReplaceAll(line, "\t", "    "))
		}
		return out.String() + "```\n", nil
	}
}
