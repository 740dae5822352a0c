package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
	"github.com/tollkeeper/tollkeeper/internal/cli/timeline"
)

// archived is the URL of an archive with three events of two customers, and its folder.
func archived(t *testing.T) (location, folder string) {
	t.Helper()
	folder = t.TempDir()
	location = "file://" + filepath.ToSlash(folder)
	a, err := archive.Open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var head archive.Head
	for i, customer := range []string{"cus_Ada", "cus_Bob", "cus_Ada"} {
		e := v1alpha1.BillingEvent{ObjectMeta: metav1.ObjectMeta{Name: "evt-" + string(rune('a'+i))}}
		e.Spec = v1alpha1.BillingEventSpec{
			EventID: "evt_" + string(rune('A'+i)), Type: "customer.updated", CustomerID: customer, PayloadSHA256: "0",
			Created:  metav1.NewTime(time.Date(2026, 1, 30+i, 12, 0, 0, 0, time.UTC)),
			Customer: &v1alpha1.CustomerRecord{Email: customer + "@kite.example"},
		}
		if head, err = a.Append(t.Context(), head, []v1alpha1.BillingEvent{e}); err != nil {
			t.Fatal(err)
		}
	}
	return location, folder
}

// spoil alters the events of the second batch.
func spoil(t *testing.T, folder string) (file string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "events/*/*/*/000000000002-*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte("altered"), 0o600); err != nil {
		t.Fatal(err)
	}
	return files[0]
}

func TestArchiveVerify(t *testing.T) {
	location, folder := archived(t)
	out, err := run(t, "archive", "verify", "--archive-url", location)
	if err != nil || !strings.Contains(out, "3 events in 3 files, ") || !strings.Contains(out, "not compared with the cluster") {
		t.Errorf("error %v:\n%s", err, out)
	}
	file := spoil(t, folder)
	out, err = run(t, "archive", "verify", "--archive-url", location)
	if err == nil || err.Error() != "the archive has 1 problem" || !strings.Contains(out, filepath.Base(file)+"   was altered") {
		t.Errorf("an altered file: error %v:\n%s", err, out)
	}
}

// A batch that the operator writes and notes while the archive is verified is not missing. An end that is cut off is.
func TestVerifyComparesTheNotedEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		noted        func(context.Context, *archive.Archive) (archive.Head, error)
		wantProblems []string
		wantNote     string
	}{
		"it is written meanwhile": {noted: appendOne},
		"it is cut off": {
			noted: func(context.Context, *archive.Archive) (archive.Head, error) {
				return archive.Head{Batch: 4, SHA256: "0"}, nil
			},
			wantProblems: []string{"the cluster has noted batch 4, and the archive ends with batch 3: its end is missing, or it is another archive"},
		},
		"another one is noted": {
			noted: func(context.Context, *archive.Archive) (archive.Head, error) {
				return archive.Head{Batch: 3, SHA256: "0"}, nil
			},
			wantProblems: []string{"the cluster has noted another manifest for this batch: the chain was replaced from here, or it is another archive"},
		},
		"none is noted": {
			noted:    func(context.Context, *archive.Archive) (archive.Head, error) { return archive.Head{}, nil },
			wantNote: "The end of the chain is not compared with the cluster: it has noted none.\n",
		},
		"the cluster does not answer": {
			noted: func(context.Context, *archive.Archive) (archive.Head, error) {
				return archive.Head{}, errors.New("no answer")
			},
			wantNote: "The end of the chain is not compared with the cluster: no answer.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			location, _ := archived(t)
			a, err := archive.Open(t.Context(), location)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			var out strings.Builder
			report, err := (&plugin{Environment: Environment{Out: &out, Err: &out}}).verify(t.Context(), a, func(ctx context.Context) (archive.Head, error) {
				return tc.noted(ctx, a)
			})
			if err != nil {
				t.Fatal(err)
			}
			var problems []string
			for _, problem := range report.Problems {
				problems = append(problems, problem.What)
			}
			if diff := cmp.Diff(tc.wantProblems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantNote, out.String()); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}

// appendOne appends a batch, as the operator does while the archive is verified, and returns the new end.
func appendOne(ctx context.Context, a *archive.Archive) (archive.Head, error) {
	var head archive.Head
	for summary, err := range a.Batches(ctx) {
		if err != nil {
			return head, err
		}
		head.Batch, head.SHA256, head.Events = summary.Batch, summary.SHA256, head.Events+summary.Events
	}
	e := v1alpha1.BillingEvent{ObjectMeta: metav1.ObjectMeta{Name: "evt-new"}}
	e.Spec = v1alpha1.BillingEventSpec{EventID: "evt_New", Type: "customer.updated", PayloadSHA256: "0", Created: metav1.Unix(1_780_000_000, 0)}
	return a.Append(ctx, head, []v1alpha1.BillingEvent{e})
}

// If a file of the archive cannot be read, the timeline has the events of the others, and ends with the error.
func TestATimelineOfADamagedArchive(t *testing.T) {
	location, folder := archived(t)
	file := spoil(t, folder)
	a, err := archive.OpenExisting(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var out strings.Builder
	err = printWithArchived(t.Context(), show.Printer{Out: &out, Format: show.Table}, timeline.Input{Customer: ada("7")}, a)
	if err == nil || !strings.Contains(err.Error(), filepath.Base(file)) {
		t.Errorf("error %v, want one that names %s", err, file)
	}
	for _, id := range []string{"evt_A", "evt_C"} {
		if !strings.Contains(out.String(), id) {
			t.Errorf("%s is missing in:\n%s", id, out.String())
		}
	}
}

func TestArchiveList(t *testing.T) {
	location, _ := archived(t)
	out, err := run(t, "archive", "list", "--archive-url", location)
	if err != nil || !strings.Contains(out, "1 event") || !strings.Contains(out, "2026-01-30 12:00:00 to 2026-01-30 12:00:00") {
		t.Errorf("error %v:\n%s", err, out)
	}
}

func TestArchiveRestorePrints(t *testing.T) {
	location, _ := archived(t)
	for arguments, want := range map[string]string{
		"--customer cus_Ada":                    "evt_A evt_C",
		"--event evt_B,evt_C":                   "evt_B evt_C",
		"--since 2026-01-31":                    "evt_B evt_C",
		"--until 2026-01-31T12:00:00Z":          "evt_A",
		"--customer cus_Ada --since 2026-01-31": "evt_C",
		"--customer cus_Eve":                    "",
	} {
		out, err := run(t, append([]string{"archive", "restore", "-o", "json", "--archive-url", location}, strings.Fields(arguments)...)...)
		if err != nil {
			t.Errorf("%s: %v", arguments, err)
			continue
		}
		var list v1alpha1.BillingEventList
		if err := json.Unmarshal([]byte(out), &list); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, e := range list.Items {
			ids = append(ids, e.Spec.EventID)
			if e.Spec.Customer.Email != e.Spec.CustomerID+"@kite.example" || e.Kind != "BillingEvent" {
				t.Errorf("%s: %+v", arguments, e)
			}
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s: %s, want %s", arguments, got, want)
		}
	}
}

// A mistyped URL is an error of every command that reads, and nothing is made there.
func TestNoArchiveIsAnError(t *testing.T) {
	parent := t.TempDir()
	missing, other := filepath.Join(parent, "archve"), filepath.Join(parent, "other")
	if err := os.Mkdir(other, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{missing, other} {
		location := "file://" + filepath.ToSlash(folder)
		for _, command := range []string{"verify", "list", "restore --customer cus_Ada", "restore --customer cus_Ada --apply"} {
			says := "there is no archive at " + location + ": check the URL: it is the operator's --archive-url"
			out, err := run(t, append([]string{"archive"}, strings.Fields(command+" --archive-url "+location)...)...)
			if err == nil || !strings.Contains(err.Error(), says) || out != "" {
				t.Errorf("%s: %v, want an error that says %q:\n%s", command, err, says, out)
			}
		}
	}
	if _, err := os.Stat(missing); !os.IsNotExist(err) {
		t.Errorf("a command that reads has made the folder: %v", err)
	}

	location, damaged := archived(t)
	if err := os.RemoveAll(filepath.Join(damaged, "batches")); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "archive", "verify", "--archive-url", location); err == nil || err.Error() != "the archive has 6 problems" {
		t.Errorf("an archive without its manifests: %v", err)
	}
}

func TestArchiveErrorsSayWhatToDo(t *testing.T) {
	location, _ := archived(t)
	for arguments, says := range map[string]string{
		"verify":                            "name the archive with --archive-url or in TOLLKEEPER_ARCHIVE_URL",
		"verify --archive-url none":         "the operator deletes old events without an archive: there is nothing to read",
		"list --archive-url ftp://x":        "must be one of file:///folder",
		"restore --archive-url " + location: "select events with --customer",
		"restore --since yesterday":         "--since=yesterday is no time",
		"verify cus_A":                      "one argument too many",
		"restore --event evt_A --apply --archive-url " + location: "the API server cannot be reached",
	} {
		if _, err := run(t, append([]string{"archive"}, strings.Fields(arguments)...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want an error that says %q", arguments, err, says)
		}
	}
}

func TestARefusedRestoreSaysWhatToDo(t *testing.T) {
	events := schema.GroupResource{Group: "billing.tollkeeper.dev", Resource: "billingevents"}
	err := restoreError(fmt.Errorf("create evt_1: %w", apierrors.NewForbidden(events, "x", errors.New("a policy"))), "billing")
	if says := "kubectl label namespace billing tollkeeper.dev/policies=suspended --overwrite"; !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "evt_1") {
		t.Errorf("%v, want it to say %q", err, says)
	}
}
