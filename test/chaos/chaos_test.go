package main

import (
	"encoding/json"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// For every seed a run of two minutes has every fault, starts with the lasting ones, and is repeatable.
func TestSchedule(t *testing.T) {
	const duration = 2 * time.Minute
	type due struct {
		at   time.Duration
		name string
		seed uint64
	}
	plain := func(all []scheduledFault) (plain []due) {
		for _, a := range all {
			plain = append(plain, due{a.at, a.fault.name, a.seed})
		}
		return plain
	}
	for seed := range uint64(200) {
		all := schedule(duration, seed)
		firstAt := map[string]time.Duration{}
		for _, a := range all {
			if _, seen := firstAt[a.fault.name]; !seen {
				firstAt[a.fault.name] = a.at
			}
		}
		for _, f := range faults {
			at, scheduled := firstAt[f.name]
			if !scheduled || at > duration {
				t.Errorf("seed %d: %q is never scheduled", seed, f.name)
			}
			if f.lasting && at > 10*time.Second {
				t.Errorf("seed %d: %q is first due after %s, want 10 s at most", seed, f.name, at)
			}
		}
		if diff := cmp.Diff(plain(all), plain(schedule(duration, seed)), cmp.AllowUnexported(due{})); diff != "" {
			t.Errorf("seed %d (-first +second):\n%s", seed, diff)
		}
	}
}

// exitLine is the line that a manager logs before it exits.
func exitLine(t *testing.T, words string) string {
	t.Helper()
	line, err := json.Marshal(map[string]any{"level": "error", "msg": exitMessage, "error": words})
	if err != nil {
		t.Fatal(err)
	}
	return string(line) + "\n"
}

func TestExcused(t *testing.T) {
	const started = `{"level":"info","msg":"Tollkeeper starts"}` + "\n"
	exits := func(words string) string { return exitLine(t, words) }
	for name, tc := range map[string]struct {
		log, want string
	}{
		"lease lost": {started + exits("leader election lost"), "lost its lease"},
		"lease lost, and a log line after it": {
			started + exits("leader election lost") + `{"level":"info","msg":"timeout"}` + "\n", "lost its lease",
		},
		"no API server": {
			started + exits(`make the manager: failed to get server groups: Get "http://127.0.0.1:1/api": EOF`),
			"found no API server as it started",
		},
		"an API server that does not serve every API yet": {
			started + exits("make the manager: failed to determine if *v1alpha1.BillingEvent is namespaced: failed to get restmapping: "+
				"unable to retrieve the complete list of server APIs: billing.tollkeeper.dev/v1alpha1: no matches for billing.tollkeeper.dev/v1alpha1, "+
				"Resource="),
			"found no API server as it started",
		},
		"lease lost, and requests that hang": {
			started + exits("leader election lost\nrequests in flight did not end: context deadline exceeded"), "",
		},
		"a component that does not stop": {
			started + exits("failed waiting for all runnables to end within grace period of 30s: context deadline exceeded"), "",
		},
		"lease lost, and a component that does not stop": {
			started + exits("[leader election lost, failed waiting for all runnables to end within grace period of 30s: "+
				"context deadline exceeded]"), "",
		},
		"another timeout":               {started + exits("the receiver stopped: i/o timeout"), ""},
		"logged, but not with the exit": {started + `{"level":"error","error":"leader election lost"}` + "\n", ""},
		"no last words":                 {started, ""},
		"an empty log":                  {"", ""},
		"a panic after it":              {started + exits("leader election lost") + "panic: nil map\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := excused(lastWords(tc.log)); got != tc.want {
				t.Errorf("excused is %q, want %q", got, tc.want)
			}
		})
	}
}

// An exit with an excuse still counts as a crash if no fault was active that explains it.
func TestAnExcuseNeedsADisturbance(t *testing.T) {
	failed := exec.Command("sh", "-c", "exit 1").Run()
	panicked := exec.Command("sh", "-c", "exit 2").Run()
	for name, tc := range map[string]struct {
		err                     error
		terminated              bool
		words                   string
		disturb                 func(*disturbance)
		wantCrashes, wantExcuse int
	}{
		"active":                 {failed, false, "leader election lost", func(tr *disturbance) { tr.begin() }, 0, 1},
		"just ended":             {failed, false, "leader election lost", func(tr *disturbance) { tr.begin()() }, 0, 1},
		"ended long ago":         {failed, false, "leader election lost", func(tr *disturbance) { tr.ended = time.Now().Add(-31 * time.Second) }, 1, 0},
		"no disturbance":         {failed, false, "leader election lost", func(*disturbance) {}, 1, 0},
		"no excuse":              {failed, false, "i/o timeout", func(tr *disturbance) { tr.begin() }, 1, 0},
		"another exit code":      {panicked, false, "leader election lost", func(tr *disturbance) { tr.begin() }, 1, 0},
		"exit 0 without SIGTERM": {nil, false, "", func(tr *disturbance) { tr.begin() }, 1, 0},
		"exit 0 after SIGTERM":   {nil, true, "", func(*disturbance) {}, 0, 0},
		"exit 1 after SIGTERM":   {failed, true, "leader election lost", func(*disturbance) {}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := newDaemon(t.TempDir(), "manager", "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.log.WriteString(exitLine(t, tc.words)); err != nil {
				t.Fatal(err)
			}
			exits := &exits{excused: map[string]int{}}
			tc.disturb(&exits.disturbance)
			exits.recordExit(d, tc.err, tc.terminated)
			if err := d.close(); err != nil {
				t.Fatal(err)
			}
			if len(exits.crashes) != tc.wantCrashes || exits.excused["lost its lease"] != tc.wantExcuse {
				t.Errorf("%d crashes, %v excused, want %d and %d", len(exits.crashes), exits.excused, tc.wantCrashes, tc.wantExcuse)
			}
		})
	}
}

// A planted fault counts as found only if the run came to rest and the fault shows in its own count.
func TestPlantedFaultIsFound(t *testing.T) {
	for name, tc := range map[string]struct {
		plant string
		f     findings
		want  bool
	}{
		"lost":                              {"ack-before-create", findings{lost: 1}, true},
		"nothing":                           {"ack-before-create", findings{}, false},
		"something else":                    {"ack-before-create", findings{doubled: 1, diverged: 1, problems: []string{"x"}}, false},
		"lost, but the run is incomplete":   {"ack-before-create", findings{lost: 1, incomplete: []string{"x"}}, false},
		"doubled":                           {"second-writer", findings{doubled: 1}, true},
		"lost instead of doubled":           {"second-writer", findings{lost: 1, problems: []string{"x"}}, false},
		"doubled, and what follows from it": {"second-writer", findings{doubled: 2, diverged: 1, problems: []string{"x"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if err := plants[tc.plant].checkFound(&tc.f); (err == nil) != tc.want {
				t.Errorf("checkFound returns %v, want found: %t", err, tc.want)
			}
		})
	}
}

// A process that exits before a kill arrives has its own exit status.
func TestSignalOf(t *testing.T) {
	for script, want := range map[string]syscall.Signal{
		"exit 0": 0, "exit 3": 0, "kill -KILL $$": syscall.SIGKILL, "kill -SEGV $$": syscall.SIGSEGV,
	} {
		if got := signalOf(exec.Command("sh", "-c", script).Run()); got != want {
			t.Errorf("%q: ended by %v, want %v", script, got, want)
		}
	}
}

// Each planted fault fits the code that it changes.
func TestPlantsFit(t *testing.T) {
	for name, p := range plants {
		if _, err := p.overlay(t.TempDir()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
