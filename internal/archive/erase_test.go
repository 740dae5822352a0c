package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// erased erases a customer of the platform's own account.
func erased(t *testing.T, a *Archive, head Head, customer string) Head {
	t.Helper()
	head, err := a.Erase(t.Context(), head, "", customer)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// customersOf are the customers with lines in the personal files, in order.
func customersOf(t *testing.T, s store) []string {
	t.Helper()
	var found []string
	for path, content := range stored(t, s) {
		if !strings.HasPrefix(path, personalFolder) {
			continue
		}
		lines, err := decompress[personalLine](content)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			found = append(found, line.CustomerID)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// An erasure reaches the batches after a manifest that is lost, and ends.
func TestEraseReachesBeyondAMissingManifest(t *testing.T) {
	for name, tc := range map[string]struct {
		missing int64
		earlier bool // batch 2 is the erasure of another customer
	}{
		"the first":                              {missing: 1},
		"one in the middle":                      {missing: 3},
		"the first, after an earlier erasure":    {missing: 1, earlier: true},
		"one after an earlier erasure":           {missing: 3, earlier: true},
		"the earlier erasure itself":             {missing: 2, earlier: true},
		"the last one before that of the record": {missing: 4, earlier: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := inMemory()
			a := newArchive(s)
			head := appended(t, a, Head{}, some(0)...)
			want := []string{"cus_Bob"}
			if tc.earlier {
				head, want = erased(t, a, head, "cus_Eve"), []string{"cus_Bob"}
			} else {
				head = appended(t, a, head, event(7, "cus_Eve"))
				want = append(want, "cus_Eve")
			}
			for first := range 3 {
				head = appended(t, a, head, some(10+10*first)...)
			}
			if err := s.remove(t.Context(), manifestPath(tc.missing)); err != nil {
				t.Fatal(err)
			}
			bounded, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			head, err := a.Erase(bounded, head, "", "cus_Ada")
			if err != nil || head.Batch != 6 {
				t.Fatalf("head %v, error %v", head, err)
			}
			if diff := cmp.Diff(want, customersOf(t, s)); diff != "" {
				t.Errorf("customers with lines (-want +got):\n%s", diff)
			}
			if again := erased(t, a, head, "cus_Ada"); again != head {
				t.Errorf("it was recorded again, as batch %d", again.Batch)
			}
		})
	}
}

// refusing is a store that permits no deletion, as with an object lock.
type refusing struct{ store }

func (r refusing) remove(context.Context, string) error { return errDenied }

// An erasure fails while the bucket refuses to delete what it empties.
func TestEraseFailsWhereADeletionIsRefused(t *testing.T) {
	s := inMemory()
	head := appended(t, newArchive(s), Head{}, some(0)...)
	if _, err := newArchive(refusing{s}).Erase(t.Context(), head, "", "cus_Ada"); !errors.Is(err, errDenied) {
		t.Errorf("error %v", err)
	}
	if left := customersOf(t, s); !slices.Contains(left, "cus_Ada") {
		t.Errorf("lines of %v are left", left)
	}
}

// An erasure of which every file fails reports a few of the errors, and how many more there are.
func TestEraseReportsAFewErrors(t *testing.T) {
	s := inMemory()
	a, head := manyFiles(t, s, 16)
	paths := pathsOf(t, s, personalFolder)
	for _, path := range paths {
		write(t, s, path, []byte("corrupt"))
	}
	_, err := a.Erase(t.Context(), head, "", "cus_Ada")
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if more := fmt.Sprintf("and %d more errors", len(paths)-5); len(lines) != 6 || lines[5] != more {
		t.Errorf("not 5 lines and %q, but:\n%v", more, err)
	}
	if _, again := a.Erase(t.Context(), head, "", "cus_Ada"); again == nil || again.Error() != err.Error() {
		t.Errorf("at the next try: %v", again)
	}
}

// unreadable is a store that permits no reading of personal files.
type unreadable struct {
	store
	err   error
	tries atomic.Int64
}

func (u *unreadable) read(ctx context.Context, path string) ([]byte, error) {
	if !strings.HasPrefix(path, personalFolder) {
		return u.store.read(ctx, path)
	}
	u.tries.Add(1)
	return nil, u.err
}

// An erasure ends where no file can be read. It does not ask for each of them.
func TestEraseEndsWhereNothingCanBeRead(t *testing.T) {
	s := inMemory()
	_, head := manyFiles(t, s, 2*parallel)
	files := int64(len(pathsOf(t, s, personalFolder)))
	for name, tc := range map[string]struct {
		err  error
		ends bool
	}{
		"denied":    {errDenied, true},
		"no bucket": {errNoBucket, true},
		"slow":      {context.DeadlineExceeded, false},
	} {
		t.Run(name, func(t *testing.T) {
			u := &unreadable{store: s, err: tc.err}
			if _, err := newArchive(u).Erase(t.Context(), head, "", "cus_Ada"); !errors.Is(err, tc.err) {
				t.Errorf("error %v", err)
			}
			if tries := u.tries.Load(); (tries <= parallel+1) != tc.ends || !tc.ends && tries != files {
				t.Errorf("%d of %d files were tried", tries, files)
			}
		})
	}
}

// manyFiles fills a store with batches.
func manyFiles(t *testing.T, s store, batches int) (*Archive, Head) {
	t.Helper()
	a, head := newArchive(s), Head{}
	for n := range batches {
		head = appended(t, a, head, some(10*n)...)
	}
	return a, head
}

// Erasures that fail are repeated in turn, and recorded once.
func TestFailedErasuresAreRecordedOnce(t *testing.T) {
	s := inMemory()
	a := newArchive(s)
	head := appended(t, a, Head{}, some(0)...)
	path := pathsOf(t, s, personalFolder)[0]
	write(t, s, path, []byte("corrupt"))
	for _, customer := range []string{"cus_Ada", "cus_Bob", "cus_Ada", "cus_Bob"} {
		next, err := a.Erase(t.Context(), head, "", customer)
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("%s: error %v", customer, err)
		}
		head = next
	}
	if head.Batch != 3 {
		t.Errorf("there are %d batches", head.Batch)
	}
	if err := s.remove(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	head = appended(t, a, head, some(10)...)
	if head = erased(t, a, head, "cus_Ada"); head.Batch != 5 {
		t.Errorf("with new events: batch %d", head.Batch)
	}
}

// reading is a store that notes which personal files are read.
type reading struct {
	store
	note func(path string)
}

func (r reading) read(ctx context.Context, path string) ([]byte, error) {
	r.note(path)
	return r.store.read(ctx, path)
}

// An erasure reads the personal files of the customer's account, and no other's.
func TestEraseReadsOneAccount(t *testing.T) {
	of := func(account string, n int, customer string) v1alpha1.BillingEvent {
		e := event(n, customer)
		e.Spec.Account = account
		return e
	}
	for name, tc := range map[string]struct{ account, other string }{
		"the platform":        {"", "acct_1"},
		"a connected account": {"acct_1", ""},
		"a longer name":       {"acct_1", "acct_12"},
		"another's name":      {"acct/1", "acct/2"},
	} {
		t.Run(name, func(t *testing.T) {
			s := inMemory()
			head := appended(t, newArchive(s), Head{}, of(tc.account, 0, "cus_Ada"), of(tc.other, 0, "cus_Ada"), of(tc.other, 1, "cus_Bob"))
			var read []string
			f := reading{s, func(path string) {
				if strings.HasPrefix(path, personalFolder) {
					read = append(read, path)
				}
			}}
			if _, err := newArchive(f).Erase(t.Context(), head, tc.account, "cus_Ada"); err != nil {
				t.Fatal(err)
			}
			if len(read) != 1 || !strings.HasPrefix(read[0], personalFolder+accountFolder(tc.account)) {
				t.Errorf("it has read %v", read)
			}
			if left := customersOf(t, s); !slices.Equal(left, []string{"cus_Ada", "cus_Bob"}) {
				t.Errorf("of the other account, lines of %v are left", left)
			}
		})
	}
}

// late is a store on which something else happens before the first write.
type late struct {
	store
	before func()
}

func (l *late) write(ctx context.Context, path string, content []byte) error {
	if before := l.before; before != nil {
		l.before = nil
		before()
	}
	return l.store.write(ctx, path, content)
}

// A writer that loses its batch to an erasure leaves nothing of the customer, not even if the erasure ended before the writer began.
func TestAWriterThatIsBehindLeavesNothing(t *testing.T) {
	s := inMemory()
	other := newArchive(s)
	head := appended(t, other, Head{}, some(0)...)
	a := newArchive(&late{s, func() { erased(t, other, head, "cus_Ada") }})
	if _, err := a.Append(t.Context(), head, some(10)); !errors.Is(err, ErrBehind) {
		t.Fatalf("error %v", err)
	}
	if diff := cmp.Diff([]string{"cus_Bob"}, customersOf(t, s)); diff != "" {
		t.Errorf("customers with lines (-want +got):\n%s", diff)
	}
	if found := problems(t, other); found != nil {
		t.Error(found)
	}
}

// What a killed process has left is deleted ten minutes later, and is looked for until then.
func TestTemporaryFilesAreSwept(t *testing.T) {
	folder := t.TempDir()
	a := open(t, "file://"+filepath.ToSlash(folder))
	head := appended(t, a, Head{}, some(0)...)
	left := filepath.Join(folder, personalFolder, temporary+"1")
	if err := os.WriteFile(left, []byte("Ada"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.swept.Store(false) // as of a process that has just begun
	isLeft := func() bool { _, err := os.Stat(left); return err == nil }
	head = appended(t, a, head, some(10)...)
	if !isLeft() {
		t.Error("a file was deleted that another process may be writing")
	}
	a.now = func() time.Time { return time.Now().Add(11 * time.Minute) }
	appended(t, a, head, some(20)...)
	if isLeft() {
		t.Error("the file is still there")
	}
}

// An erasure fails while a folder cannot be read, and is not kept up by one that is no part of the archive.
func TestUnreadableFolders(t *testing.T) {
	if os.Getuid() == 0 { // root reads every folder
		runAsNobody(t)
		return
	}
	root := t.TempDir()
	a := open(t, "file://"+filepath.ToSlash(root))
	head := appended(t, a, Head{}, some(0)...)
	lock := func(path string) {
		t.Helper()
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o700) }) //nolint:gosec // a folder
	}
	foreign := filepath.Join(root, "lost+found")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	lock(foreign)
	head = erased(t, a, head, "cus_Ada")
	if found := problems(t, a); found != nil {
		t.Error(found)
	}
	lock(filepath.Join(root, personalFolder, accountFolder(""), "mode=live"))
	if _, err := a.Erase(t.Context(), head, "", "cus_Bob"); !errors.Is(err, os.ErrPermission) {
		t.Errorf("error %v", err)
	}
}

// runAsNobody runs the test once more, as a user to whom no file belongs.
func runAsNobody(t *testing.T) {
	t.Helper()
	const nobody = 65534
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "archive-test-") // that of t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	copied := filepath.Join(folder, "archive.test")
	//nolint:gosec // another user runs it
	if err := errors.Join(os.Chmod(folder, 0o755), os.WriteFile(copied, program, 0o755)); err != nil {
		t.Fatal(err)
	}
	again := exec.CommandContext(t.Context(), copied, "-test.run=^"+t.Name()+"$", "-test.v")
	again.Dir = folder
	again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v:\n%s", err, out)
	}
}
