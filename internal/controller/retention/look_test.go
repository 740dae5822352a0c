package retention

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
)

// pages is a lister of pages in memory.
type pages [][]row

func (p pages) Page(_ context.Context, next string) ([]row, string, error) {
	n, _ := strconv.Atoi(next)
	if n+1 < len(p) {
		return p[n], strconv.Itoa(n + 1), nil
	}
	return p[n], "", nil
}

func atOnce() *paging.Pacer { return &paging.Pacer{Clock: clock.RealClock{}, Share: 1} }

func aged(id string, age time.Duration) row { return row{EventID: id, Created: now.Add(-age)} }

func TestLookAt(t *testing.T) {
	found, err := lookAt(t.Context(), pages{
		{aged("evt_3", 50*day), aged("evt_5", 44*day), aged("evt_1", 70*day)},
		{},
		{aged("evt_6", day), aged("evt_4", 45*day), aged("evt_2", 60*day), aged("evt_7", 8*day)},
	}, atOnce(), now.Add(-keep), now)
	if err != nil {
		t.Fatal(err)
	}
	want := &look{
		due:     []row{aged("evt_1", 70*day), aged("evt_2", 60*day), aged("evt_3", 50*day)}, // one of exactly 45 days stays
		settled: 7, lately: 1, oldest: now.Add(-70 * day),
	}
	if diff := cmp.Diff(want, found, cmp.AllowUnexported(look{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Of many events that are due, a look remembers the oldest.
func TestALookIsBounded(t *testing.T) {
	var all []row
	for i := range 1000 {
		all = append(all, aged(fmt.Sprintf("evt_%d", i), 50*day+time.Duration(i)*time.Second))
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var oldest newest
	left := 0
	for _, r := range all {
		left += oldest.add(r, 10)
		if len(oldest) > 10 {
			t.Fatalf("%d are remembered", len(oldest))
		}
	}
	if left != 990 {
		t.Errorf("%d are left, want 990", left)
	}
	for _, r := range oldest {
		if r.Created.After(now.Add(-50*day - 990*time.Second)) {
			t.Errorf("%s is not one of the oldest", r.EventID)
		}
	}
}

func TestRowsOf(t *testing.T) {
	got, err := rowsOf([][]string{{"evt_1", "acct_1", "2026-10-15T12:00:00Z"}, {"evt_2", "", "2026-10-16T12:00:00Z"}})
	want := []row{{EventID: "evt_1", Account: "acct_1", Created: now.Add(-45 * day)}, {EventID: "evt_2", Created: now.Add(-44 * day)}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	for name, broken := range map[string][]string{
		"a time for people": {"evt_1", "", "45d"},
		"without an id":     {"", "", "2026-10-15T12:00:00Z"},
	} {
		if _, err := rowsOf([][]string{broken}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestExpected(t *testing.T) {
	const size = 2000
	for name, tc := range map[string]struct {
		found   look
		deletes bool
		want    float64
	}{
		"no event":                           {look{}, true, 0},
		"70 a week, deleted after 45 days":   {look{settled: 9999, lately: 70, oldest: now.Add(-60 * day)}, true, 450 * size},
		"70 a week, never deleted":           {look{settled: 1000, lately: 70, oldest: now.Add(-60 * day)}, false, 1900 * size},
		"the first two days, 10 a day":       {look{settled: 20, lately: 20, oldest: now.Add(-2 * day)}, true, 450 * size},
		"the first hour counts as a day":     {look{settled: 10, lately: 10, oldest: now.Add(-time.Hour)}, true, 450 * size},
		"none lately, and old ones are kept": {look{settled: 10, oldest: now.Add(-60 * day)}, false, 10 * size},
	} {
		t.Run(name, func(t *testing.T) {
			if got := expected(&tc.found, size, keep, tc.deletes, now); int(got+.5) != int(tc.want) {
				t.Errorf("%.0f bytes, want %.0f", got, tc.want)
			}
		})
	}
}

func TestArchiveName(t *testing.T) {
	for url, want := range map[string]string{
		"s3://trail?region=eu-central-1": "s3://trail",
		config.ArchiveNone:               "",
		"":                               "",
	} {
		if got := archiveName(url); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}
