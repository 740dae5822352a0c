package main

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Whatever the seed, a run of two minutes has every fault, what lasts long comes first, and the same seed makes the same again.
func TestSchedule(t *testing.T) {
	const duration = 2 * time.Minute
	type due struct {
		at   time.Duration
		name string
		seed uint64
	}
	plain := func(all []appointment) (plain []due) {
		for _, a := range all {
			plain = append(plain, due{a.at, a.fault.name, a.seed})
		}
		return plain
	}
	for seed := range uint64(200) {
		all := schedule(duration, seed)
		last := map[string]time.Duration{}
		for _, a := range all {
			if _, seen := last[a.fault.name]; !seen {
				last[a.fault.name] = a.at
			}
		}
		for _, f := range faults {
			at, comes := last[f.name]
			if !comes || at > duration {
				t.Errorf("seed %d: %q never comes", seed, f.name)
			}
			if f.long && at > 10*time.Second {
				t.Errorf("seed %d: %q comes after %s, want it early", seed, f.name, at)
			}
		}
		if diff := cmp.Diff(plain(all), plain(schedule(duration, seed)), cmp.AllowUnexported(due{})); diff != "" {
			t.Errorf("seed %d (-first +again):\n%s", seed, diff)
		}
	}
}

func TestExcused(t *testing.T) {
	const started = `{"level":"info","msg":"Tollkeeper starts"}` + "\n"
	for name, tc := range map[string]struct {
		log, want string
	}{
		"lease lost": {started + "tollkeeper: leader election lost\n", "lost its lease"},
		"lease lost, and a log line after it": {
			started + "tollkeeper: leader election lost\n" + `{"level":"info","msg":"timeout"}` + "\n", "lost its lease",
		},
		"no API server": {
			started + `tollkeeper: make the manager: failed to get server groups: Get "http://127.0.0.1:1/api": EOF` + "\n",
			"found no API server as it started",
		},
		"an API server that does not serve everything yet": {
			started + "tollkeeper: make the manager: failed to determine if *v1alpha1.BillingEvent is namespaced: failed to get restmapping: " +
				"unable to retrieve the complete list of server APIs: billing.tollkeeper.dev/v1alpha1: no matches for billing.tollkeeper.dev/v1alpha1, " +
				"Resource=\n",
			"found no API server as it started",
		},
		"lease lost, and requests that hang": {
			started + "tollkeeper: leader election lost\nrequests in flight did not end: context deadline exceeded\n", "",
		},
		"a part that does not stop": {
			started + "tollkeeper: failed waiting for all runnables to end within grace period of 30s: context deadline exceeded\n", "",
		},
		"lease lost, and a part that does not stop": {
			started + "tollkeeper: [leader election lost, failed waiting for all runnables to end within grace period of 30s: " +
				"context deadline exceeded]\n", "",
		},
		"a timeout of its own":            {started + "tollkeeper: the receiver stopped: i/o timeout\n", ""},
		"logged, but not said at the end": {started + `{"level":"error","error":"leader election lost"}` + "\n", ""},
		"nothing said":                    {started, ""},
		"empty":                           {"", ""},
		"a panic after it":                {started + "tollkeeper: leader election lost\npanic: nil map\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := excused(lastWords(tc.log)); got != tc.want {
				t.Errorf("excused is %q, want %q", got, tc.want)
			}
		})
	}
}

// An end with an excuse counts as a crash all the same if nothing was spoilt that could be its reason.
func TestAnExcuseNeedsTrouble(t *testing.T) {
	failed := exec.Command("sh", "-c", "exit 1").Run()
	panicked := exec.Command("sh", "-c", "exit 2").Run()
	for name, tc := range map[string]struct {
		err                     error
		told                    bool
		words                   string
		before                  func(*trouble)
		wantCrashes, wantExcuse int
	}{
		"under way":       {failed, false, "leader election lost", func(tr *trouble) { tr.begin() }, 0, 1},
		"just over":       {failed, false, "leader election lost", func(tr *trouble) { tr.begin()() }, 0, 1},
		"long over":       {failed, false, "leader election lost", func(tr *trouble) { tr.ended = time.Now().Add(-31 * time.Second) }, 1, 0},
		"none":            {failed, false, "leader election lost", func(*trouble) {}, 1, 0},
		"no excuse":       {failed, false, "i/o timeout", func(tr *trouble) { tr.begin() }, 1, 0},
		"another code":    {panicked, false, "leader election lost", func(tr *trouble) { tr.begin() }, 1, 0},
		"just so":         {nil, false, "", func(tr *trouble) { tr.begin() }, 1, 0},
		"told to":         {nil, true, "", func(*trouble) {}, 0, 0},
		"told, and fails": {failed, true, "leader election lost", func(*trouble) {}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := newDaemon(t.TempDir(), "manager", "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.log.WriteString("tollkeeper: " + tc.words + "\n"); err != nil {
				t.Fatal(err)
			}
			e := &ends{excused: map[string]int{}}
			tc.before(&e.trouble)
			e.judge(d, tc.err, tc.told)
			if err := d.close(); err != nil {
				t.Fatal(err)
			}
			if len(e.crashes) != tc.wantCrashes || e.excused["lost its lease"] != tc.wantExcuse {
				t.Errorf("%d crashes, %v excused, want %d and %d", len(e.crashes), e.excused, tc.wantCrashes, tc.wantExcuse)
			}
		})
	}
}

// A planted fault is found only where a run came to its end, and by what it does.
func TestFinding(t *testing.T) {
	for name, tc := range map[string]struct {
		plant string
		v     verdict
		want  bool
	}{
		"lost":                        {"ack-before-create", verdict{lost: 1}, true},
		"nothing":                     {"ack-before-create", verdict{}, false},
		"something else":              {"ack-before-create", verdict{doubled: 1, diverged: 1, wrong: []string{"x"}}, false},
		"lost, and nothing settled":   {"ack-before-create", verdict{lost: 1, open: []string{"x"}}, false},
		"doubled":                     {"second-writer", verdict{doubled: 1}, true},
		"lost in place of doubled":    {"second-writer", verdict{lost: 1, wrong: []string{"x"}}, false},
		"doubled, with what it draws": {"second-writer", verdict{doubled: 2, diverged: 1, wrong: []string{"x"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if err := plants[tc.plant].finding(&tc.v); (err == nil) != tc.want {
				t.Errorf("the finding is %v, want found: %t", err, tc.want)
			}
		})
	}
}

// A kill that comes too late is no order: the process's own state tells how it ended.
func TestSignalOf(t *testing.T) {
	for script, want := range map[string]syscall.Signal{
		"exit 0": 0, "exit 3": 0, "kill -KILL $$": syscall.SIGKILL, "kill -SEGV $$": syscall.SIGSEGV,
	} {
		if got := signalOf(exec.Command("sh", "-c", script).Run()); got != want {
			t.Errorf("%q: ended by %v, want %v", script, got, want)
		}
	}
}
