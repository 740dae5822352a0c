package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/testutil/volume"
)

// logged collects the lines of a log.
type logged struct {
	mutex sync.Mutex
	lines []string
}

func (l *logged) logger() logr.Logger {
	return funcr.New(func(_, args string) {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.lines = append(l.lines, args)
	}, funcr.Options{})
}

func (l *logged) text() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return strings.Join(l.lines, "\n")
}

// series are the labels of the series of a metric, each as name and value.
func series(t *testing.T, gauges *prometheus.GaugeVec) map[string]bool {
	t.Helper()
	collected := make(chan prometheus.Metric, 100)
	gauges.Collect(collected)
	close(collected)
	found := map[string]bool{}
	for metric := range collected {
		var m dto.Metric
		if err := metric.Write(&m); err != nil {
			t.Fatal(err)
		}
		found[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = m.GetGauge().GetValue() == 1
	}
	return found
}

const name = "STRIPE_ENDPOINT_SECRET"

// store is a Store of a list of secrets in a folder, as the operator's of endpoint secrets.
func store(t *testing.T, folder string, judge func(context.Context, []string, []string) error) (*Store, *Value[[]string], *logged) {
	t.Helper()
	sources, err := Open(names, func(string) string { return "" }, folder)
	if err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	s := New(sources, log.logger())
	parse := func(get func(string) string) ([]string, error) {
		list := strings.Split(get(name), ",")
		for _, secret := range list {
			if !strings.HasPrefix(secret, "whsec_") {
				return nil, errors.New(name + " is not a signing secret")
			}
		}
		return list, nil
	}
	initial, err := parse(sources.Get)
	if err != nil {
		t.Fatal(err)
	}
	metrics.CredentialInfo.Reset()
	metrics.CredentialNotUsed.Reset()
	value := Add(s, Group[[]string]{
		Names: []string{name}, Parse: parse, Judge: judge,
		Secrets: func(list []string) map[string][]string { return map[string][]string{name: list} },
	}, initial)
	return s, value, log
}

// A changed file is taken up if its value can be right. Otherwise the value before stays in use, and a log line and a metric say
// why: once, until the file changes again.
func TestALookTakesUpWhatCanBeRight(t *testing.T) {
	old, renewed := Fingerprint("whsec_old"), Fingerprint("whsec_new")
	v := volume.New(t, map[string]string{name: "whsec_old\n"})
	judged := error(nil)
	s, value, log := store(t, v.Folder, func(context.Context, []string, []string) error { return judged })
	s.announce()
	for _, step := range []struct {
		what    string
		files   map[string]string
		judged  error
		want    string
		info    []string
		notUsed string // the reason
		logs    string // in a new line; empty for no new line
	}{
		{what: "nothing changes", files: map[string]string{name: "whsec_old"}, want: "whsec_old", info: []string{old}},
		{
			what: "the new one is added", files: map[string]string{name: "whsec_old,whsec_new"}, want: "whsec_old,whsec_new", info: []string{old, renewed},
			logs: `"msg"="A changed credential is in use" "variable"="STRIPE_ENDPOINT_SECRET" "sha256"=["` + old + `" "` + renewed + `"]`,
		},
		{what: "the old one goes", files: map[string]string{name: "whsec_new"}, want: "whsec_new", info: []string{renewed}, logs: `in use" "variable"`},
		{
			what: "a value that cannot be right", files: map[string]string{name: "canary"}, want: "whsec_new", info: []string{renewed}, notUsed: "invalid",
			logs: `"error"="STRIPE_ENDPOINT_SECRET is not a signing secret"`,
		},
		{what: "it stays", files: map[string]string{name: "canary"}, want: "whsec_new", info: []string{renewed}, notUsed: "invalid"},
		{what: "the file goes", files: map[string]string{}, want: "whsec_new", info: []string{renewed}, notUsed: "unreadable", logs: "has no value any more"},
		{what: "the file is empty", files: map[string]string{name: "\n"}, want: "whsec_new", info: []string{renewed}, notUsed: "unreadable"},
		{what: "the value in use is back", files: map[string]string{name: "whsec_new"}, want: "whsec_new", info: []string{renewed}, logs: "of its source again"},
		{
			what: "a restart is needed", files: map[string]string{name: "whsec_other"}, judged: NeedsRestart("restart the operator"), want: "whsec_new",
			info: []string{renewed}, notUsed: "restart", logs: `"error"="restart the operator"`,
		},
		{
			what: "not known yet", files: map[string]string{name: "whsec_other"}, judged: NotYet("Stripe does not answer"), want: "whsec_new",
			info: []string{renewed}, notUsed: "unverified", logs: "does not answer",
		},
		{
			what: "known", files: map[string]string{name: "whsec_other"}, want: "whsec_other", info: []string{Fingerprint("whsec_other")},
			logs: "A changed credential is in use",
		},
	} {
		judged = step.judged
		v.Set(t, step.files)
		before := len(log.lines)
		s.Look(t.Context())
		if got := strings.Join(value.Get(), ","); got != step.want {
			t.Errorf("%s: %s is in use, want %s", step.what, got, step.want)
		}
		info, notUsed := map[string]bool{}, map[string]bool{}
		for _, fingerprint := range step.info {
			info[name+" "+fingerprint] = true
		}
		if step.notUsed != "" {
			notUsed[name+" "+step.notUsed] = true
		}
		if diff := cmp.Diff(info, series(t, metrics.CredentialInfo)); diff != "" {
			t.Errorf("%s: in use (-want +got):\n%s", step.what, diff)
		}
		if diff := cmp.Diff(notUsed, series(t, metrics.CredentialNotUsed)); diff != "" {
			t.Errorf("%s: not used (-want +got):\n%s", step.what, diff)
		}
		news := strings.Join(log.lines[before:], "\n")
		if (step.logs == "") != (news == "") || !strings.Contains(news, step.logs) {
			t.Errorf("%s: logs %q, want %q", step.what, news, step.logs)
		}
	}
	if strings.Contains(log.text(), "canary") || strings.Contains(log.text(), "whsec_") {
		t.Errorf("the log has a secret:\n%s", log.text())
	}
}

// A variable that gets a second source is not changed: its next start would fail, and the metric says so before.
func TestASecondSourceIsNotTakenUp(t *testing.T) {
	folder := t.TempDir()
	sources, err := Open(names, func(n string) string { return map[string]string{name: "whsec_old"}[n] }, folder)
	if err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	s := New(sources, log.logger())
	metrics.CredentialNotUsed.Reset()
	value := Add(s, Group[string]{
		Names: []string{name}, Parse: func(get func(string) string) (string, error) { return get(name), nil },
		Secrets: func(secret string) map[string][]string { return Single(map[string]string{name: secret}) },
	}, "whsec_old")
	write(t, folder, map[string]string{name: "whsec_new"})
	s.Look(t.Context())
	if value.Get() != "whsec_old" || !series(t, metrics.CredentialNotUsed)[name+" unreadable"] || !strings.Contains(log.text(), "is set more than once") {
		t.Errorf("%s is in use, %v, %s", value.Get(), series(t, metrics.CredentialNotUsed), log.text())
	}
}

// A value that could be right waits while another one of its group is gone. The log and the metric report both.
func TestAValueThatWaitsForItsGroupIsReported(t *testing.T) {
	v := volume.New(t, map[string]string{names[0]: "a", names[1]: "b"})
	sources, err := Open(names, func(string) string { return "" }, v.Folder)
	if err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	s := New(sources, log.logger())
	metrics.CredentialNotUsed.Reset()
	value := Add(s, Group[string]{
		Names: names, Parse: func(get func(string) string) (string, error) { return get(names[0]) + get(names[1]), nil },
		Secrets: func(string) map[string][]string { return nil },
	}, "ab")
	v.Set(t, map[string]string{names[0]: "new"})
	s.Look(t.Context())
	want := map[string]bool{names[0] + " unreadable": true, names[1] + " unreadable": true}
	if diff := cmp.Diff(want, series(t, metrics.CredentialNotUsed)); diff != "" || value.Get() != "ab" {
		t.Errorf("%s is in use; not used (-want +got):\n%s", value.Get(), diff)
	}
	if !strings.Contains(log.text(), names[0]+" is taken up together with others") {
		t.Errorf("the log has\n%s", log.text())
	}
	v.Set(t, map[string]string{names[0]: "new", names[1]: "b"})
	s.Look(t.Context())
	if value.Get() != "newb" || len(series(t, metrics.CredentialNotUsed)) != 0 {
		t.Errorf("with both there, %s is in use, and %v", value.Get(), series(t, metrics.CredentialNotUsed))
	}
}

// The values of a group change together, although the kubelet may replace the files while they are read.
func TestAGroupIsNeverMixed(t *testing.T) {
	const first, second = "STRIPE_ENDPOINT_SECRET", "STRIPE_SECRET_KEY"
	v := volume.New(t, map[string]string{first: "0", second: "0"})
	sources, err := Open(names, func(string) string { return "" }, v.Folder)
	if err != nil {
		t.Fatal(err)
	}
	s := New(sources, logr.Discard())
	type pair struct{ first, second string }
	value := Add(s, Group[pair]{
		Names: names, Parse: func(get func(string) string) (pair, error) { return pair{get(first), get(second)}, nil },
		Secrets: func(pair) map[string][]string { return nil },
	}, pair{"0", "0"})
	var group sync.WaitGroup
	group.Go(func() {
		for i := range 200 {
			text := fmt.Sprint(i)
			v.Set(t, map[string]string{first: text, second: text})
		}
	})
	for range 500 {
		s.Look(t.Context())
		if p := value.Get(); p.first != p.second {
			t.Errorf("the values are %+v", p)
		}
	}
	group.Wait()
}

// Start takes up a change at once, by the report of the file system, and every reader gets a whole value meanwhile.
func TestAChangeIsTakenUpWhileItIsUsed(t *testing.T) {
	for what, interval := range map[string]time.Duration{"reported": time.Hour, "looked for": 20 * time.Millisecond} {
		t.Run(what, func(t *testing.T) {
			v := volume.New(t, map[string]string{name: "whsec_0"})
			s, value, _ := store(t, v.Folder, nil)
			s.Interval = interval
			ctx, cancel := context.WithCancel(t.Context())
			var group sync.WaitGroup
			group.Go(func() {
				if err := s.Start(ctx); err != nil {
					t.Error(err)
				}
			})
			for range 4 {
				group.Go(func() {
					for ctx.Err() == nil {
						if list := value.Get(); len(list) == 0 || !strings.HasPrefix(list[0], "whsec_") {
							t.Errorf("a reader gets %v", list)
						}
						time.Sleep(time.Millisecond) //nolint:forbidigo // the readers leave the processor to the others
					}
				})
			}
			for i := range 5 {
				want := fmt.Sprintf("whsec_%d", i)
				v.Set(t, map[string]string{name: want})
				for begin := time.Now(); value.Get()[0] != want; {
					if time.Since(begin) > 30*time.Second {
						t.Fatalf("%s is in use, want %s", value.Get(), want)
					}
					<-time.After(time.Millisecond)
				}
			}
			cancel()
			group.Wait()
		})
	}
}

// The fingerprint is what people can compute.
func TestFingerprint(t *testing.T) {
	if got := Fingerprint("whsec_1"); got != "0447c67f" { // printf %s whsec_1 | sha256sum | cut -c1-8
		t.Errorf("the fingerprint is %s", got)
	}
}
