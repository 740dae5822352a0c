package repository

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The targets that delete data ask first, and delete nothing unless the answer is yes.
func TestTargetsThatDeleteAskFirst(t *testing.T) {
	makefile := read(t, "Makefile")
	deleting := regexp.MustCompile(`(?m)^([a-z-]+):(.*)\n(?:\t.*\n)*\t.*\$\(KUBECTL\) delete`).FindAllStringSubmatch(makefile, -1)
	if len(deleting) != 2 {
		t.Errorf("%d targets delete, want 2: %q", len(deleting), deleting)
	}
	for _, target := range deleting {
		if !strings.HasPrefix(target[2], " confirm ") && !strings.HasPrefix(target[2], " $(if $(filter delete,$(DATA)),confirm) ") {
			t.Errorf("make %s does not ask first", target[1])
		}
	}
	for name, tc := range map[string]struct {
		arguments string
		answer    string
		deletes   bool
	}{
		"yes":             {"confirm", "yes\n", true},
		"no":              {"confirm", "no\n", false},
		"an empty answer": {"confirm", "\n", false},
		"no answer":       {"confirm", "", false},
		"in a script":     {"confirm YES=1", "", true},
		"a dry run":       {"confirm DRY_RUN=server", "", true},
		"no dry run":      {"confirm DRY_RUN=none", "", false},
		"make uninstall":  {"uninstall", "no\n", false},
		"make undeploy":   {"undeploy DATA=delete", "no\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), "make", append(strings.Fields(tc.arguments), "KUBECTL=false")...)
			command.Dir, command.Stdin = root, strings.NewReader(tc.answer)
			if out, err := command.CombinedOutput(); (err == nil) != tc.deletes || !tc.deletes && !strings.Contains(string(out), "Nothing is deleted") {
				t.Errorf("make %s, answer %q: %v\n%s", tc.arguments, tc.answer, err, out)
			}
		})
	}
}
