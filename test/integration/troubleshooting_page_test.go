package integration

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/cli/command"
	"github.com/tollkeeper/tollkeeper/internal/endpoint"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// look is what docs/troubleshooting.md says about one symptom: commands, and what they print.
type look struct {
	commands []string
	// prints is the block that follows the commands; empty if there is none.
	prints string
}

// looks reads the page: what it says under each heading.
func looks(t *testing.T) map[string][]look {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(controlplane.Root(), "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string][]look{}
	heading, fence := "", ""
	for line := range strings.Lines(strings.ReplaceAll(string(page), "\\\n", "")) {
		said := sections[heading]
		switch text := strings.TrimSpace(line); {
		case fence != "" && text == "```":
			fence = ""
		case fence == "" && strings.HasPrefix(text, "#"):
			heading = strings.TrimLeft(text, "# ")
		case fence == "" && strings.HasPrefix(text, "```"):
			if fence = text; fence == "```sh" {
				sections[heading] = append(said, look{})
			}
		case fence == "```sh" && text != "" && !strings.HasPrefix(text, "#") && !strings.HasSuffix(text, "# needs nodes"):
			last := &said[len(said)-1]
			last.commands = append(last.commands, text)
		case fence == "```" && len(said) > 0:
			said[len(said)-1].prints += line
		}
	}
	return sections
}

// follower does what the page says.
type follower struct {
	*operator
	folder      string
	environment map[string]string
}

func (o *operator) follower(environment map[string]string) follower {
	return follower{operator: o, folder: o.t.TempDir(), environment: environment}
}

// follow runs the commands that the page has under the heading, and compares what they print with what the page says.
func (f follower) follow(heading string) {
	f.t.Helper()
	said := looks(f.t)[heading]
	if len(said) == 0 {
		f.t.Errorf("docs/troubleshooting.md has no commands under %q", heading)
	}
	for _, l := range said {
		var printed strings.Builder
		isFailure := false
		for _, line := range l.commands {
			out, err := f.run(line)
			printed.WriteString(out)
			if isFailure = err != nil; isFailure {
				fmt.Fprintf(&printed, "error: %v\n", err)
			}
		}
		got := strings.ReplaceAll(printed.String(), f.namespace, "tollkeeper-system")
		if l.prints == "" && isFailure {
			f.t.Errorf("%s: %q fails:\n%s", heading, l.commands, got)
		}
		if l.prints != "" && !saysThe(l.prints, got) {
			f.t.Errorf("%s: %q prints:\n%s\nThe page says:\n%s", heading, l.commands, got, l.prints)
		}
	}
}

// run runs one command in the operator's namespace.
func (f follower) run(line string) (string, error) {
	line = strings.ReplaceAll(line, "tollkeeper-system", f.namespace)
	getenv := func(name string) string { return f.environment[name] }
	if arguments, isOurs := strings.CutPrefix(line, "kubectl tollkeeper "); isOurs {
		f.t.Chdir(f.folder)
		p := newPlugin(f.t, "-n", f.namespace)
		p.environment = getenv
		out, problems, err := p.try(split(os.Expand(arguments, getenv))...)
		if err != nil {
			err = errors.New(command.Problem(err))
		}
		return out + problems, err
	}
	if arguments, isOurs := strings.CutPrefix(line, "bin/manager webhook-endpoint "); isOurs {
		var out bytes.Buffer
		endpoint.Command(f.t.Context(), split(arguments), getenv, &out, &out)
		return out.String(), nil
	}
	script := exec.CommandContext(f.t.Context(), "bash", "-euo", "pipefail", "-c", line)
	script.Dir = f.folder
	script.Env = append(os.Environ(), "KUBECONFIG="+adminKubeconfig(f.t), "PATH="+os.Getenv("KUBEBUILDER_ASSETS")+":"+os.Getenv("PATH"))
	for _, name := range slices.Sorted(maps.Keys(f.environment)) {
		script.Env = append(script.Env, name+"="+f.environment[name])
	}
	out, err := script.CombinedOutput()
	return string(out), err
}

// varying is what differs from run to run: times, durations, counts of metrics, and the width of tables.
var varying = []struct {
	form *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`\s+`), " "},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`), "TIME"},
	{regexp.MustCompile(`\b\d{1,2} [A-Z][a-z]+ \d{4}( at \d\d:\d\d UTC)?`), "TIME"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?`), "TIME"},
	{regexp.MustCompile(`\b(\d+(\.\d+)?(ms|µs|d|h|m|s))+\b`), "DURATION"},
	{regexp.MustCompile(`\bjust now\b|\bDURATION ago\b`), "BEFORE"},
	{regexp.MustCompile(`(tollkeeper_\w+\{[^}]*\}) \d+`), "$1 COUNT"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "HOST"},
}

// saysThe reports whether a page's block is what was printed. A line … in it stands for any lines.
func saysThe(block, printed string) bool {
	for _, v := range varying {
		block, printed = v.form.ReplaceAllString(block, v.as), v.form.ReplaceAllString(printed, v.as)
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(block)), " … ", " .*")
	pattern = regexp.MustCompile(`^… | …$`).ReplaceAllString(pattern, ".*")
	return regexp.MustCompile("^" + pattern + "$").MatchString(strings.TrimSpace(printed))
}
