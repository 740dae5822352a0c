package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archive"
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

func TestArchiveVerify(t *testing.T) {
	location, folder := archived(t)
	out, err := run(t, "archive", "verify", "--archive-url", location)
	if err != nil || !strings.Contains(out, "3 events in 3 files, ") || !strings.Contains(out, "not compared with the cluster") {
		t.Errorf("error %v:\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(folder, "events/*/*/*/000000000002-*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte("altered"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = run(t, "archive", "verify", "--archive-url", location)
	if err == nil || err.Error() != "the archive has 1 problem" || !strings.Contains(out, filepath.Base(files[0])+"   was altered") {
		t.Errorf("an altered file: error %v:\n%s", err, out)
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
