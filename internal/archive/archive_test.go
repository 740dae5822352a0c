package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob/memblob"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/testutil/s3test"
)

var day = time.Date(2026, 11, 28, 23, 59, 58, 0, time.UTC)

// event is the event number n, in seconds from the day, of a customer with an address and a card.
func event(n int, customer string) v1alpha1.BillingEvent {
	id := fmt.Sprintf("evt_%03d", n)
	return v1alpha1.BillingEvent{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "BillingEvent"},
		ObjectMeta: metav1.ObjectMeta{
			Name: "evt-" + id, UID: types.UID("uid-" + id), CreationTimestamp: metav1.NewTime(day),
			Labels:      map[string]string{v1alpha1.LabelCustomerID: customer, "note": "of " + customer},
			Annotations: map[string]string{v1alpha1.AnnotationDismissed: "grace@kite.example: Ticket 1"},
		},
		Spec: v1alpha1.BillingEventSpec{
			EventID: id, Type: "invoice.paid", Created: metav1.NewTime(day.Add(time.Duration(n) * time.Second)), CustomerID: customer,
			Livemode: n%2 == 0, PayloadSHA256: strings.Repeat("0", 64),
			Invoice: &v1alpha1.InvoiceRecord{
				Invoice: v1alpha1.Invoice{ID: "in_1", Status: "paid", AmountPaid: 1<<60 + 1, Currency: "usd"},
				Email:   customer + "@kite.example", Name: "Ada <Lovelace> & sons",
			},
		},
		Status: v1alpha1.BillingEventStatus{Outcome: v1alpha1.OutcomeApplied, Message: "The subscription shows it."},
	}
}

// some are six events, of two customers, on two days and in two modes: four files.
func some(first int) []v1alpha1.BillingEvent {
	var events []v1alpha1.BillingEvent
	for n := range 6 {
		events = append(events, event(first+n, []string{"cus_Ada", "cus_Bob"}[n/3]))
	}
	return events
}

func open(t *testing.T, location string) *Archive {
	t.Helper()
	a, err := Open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func appended(t *testing.T, a *Archive, head Head, events ...v1alpha1.BillingEvent) Head {
	t.Helper()
	head, err := a.Append(t.Context(), head, events)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// whole are the events that a filter selects, by id, oldest first.
func whole(t *testing.T, a *Archive, filter Filter) []v1alpha1.BillingEvent {
	t.Helper()
	var found []v1alpha1.BillingEvent
	for e, err := range a.Events(t.Context(), filter) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, e)
	}
	slices.SortFunc(found, func(a, b v1alpha1.BillingEvent) int { return strings.Compare(a.Spec.EventID, b.Spec.EventID) })
	return found
}

func problems(t *testing.T, a *Archive) []Problem {
	t.Helper()
	report, err := a.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report.Problems
}

// stores are the archives that every test of the whole runs over.
func stores(t *testing.T, test func(t *testing.T, location, folder string)) {
	t.Run("file", func(t *testing.T) {
		folder := t.TempDir()
		test(t, "file://"+filepath.ToSlash(folder), folder)
	})
	t.Run("s3", func(t *testing.T) {
		server := s3test.Start(t)
		test(t, server.URL+"&prefix=billing/", filepath.Join(server.Folder, "billing"))
	})
}

func TestArchive(t *testing.T) {
	stores(t, func(t *testing.T, location, _ string) {
		a := open(t, location)
		first := appended(t, a, Head{}, some(0)...)
		changed := event(2, "cus_Ada")
		changed.Status.Outcome = v1alpha1.OutcomeSuperseded
		second := appended(t, a, first, append(some(10), changed)...)

		other := open(t, location)
		batch, err := other.Next(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		want := Batch{Head: second, Events: batch.Events, Bytes: batch.Bytes, LastCreated: day.Add(15 * time.Second).UTC()}
		if diff := cmp.Diff(want, batch); diff != "" || len(batch.Events) != 7 || batch.Bytes == 0 || second.Events != 13 || second.Batch != 2 {
			t.Errorf("second batch (-want +got):\n%s", diff)
		}
		if !slices.Contains(batch.Events, Ref{EventID: "evt_002", Name: "evt-evt_002", UID: "uid-evt_002"}) {
			t.Errorf("the second batch has %v", batch.Events)
		}
		if _, err := other.Next(t.Context(), second); !errors.Is(err, io.EOF) {
			t.Errorf("after the end: %v", err)
		}

		// The newest version of each event, exactly as it was.
		all := some(0)
		all[2] = changed
		if diff := cmp.Diff(append(all, some(10)...), whole(t, other, Filter{})); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]v1alpha1.BillingEvent{all[1], all[2]}, whole(t, other, Filter{CustomerID: "cus_Ada", Since: day.Add(time.Second), Until: day.Add(9 * time.Second)})); diff != "" {
			t.Errorf("events of Ada (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]v1alpha1.BillingEvent{all[4]}, whole(t, other, Filter{EventIDs: []string{"evt_004"}})); diff != "" {
			t.Errorf("event by id (-want +got):\n%s", diff)
		}

	})
}

// An erasure: the record stays, the personal data goes, and nothing that the chain covers changes.
func TestErase(t *testing.T) {
	stores(t, func(t *testing.T, location, folder string) {
		a, other := open(t, location), open(t, location)
		first := appended(t, a, Head{}, some(0)...)
		second := appended(t, a, first, append(some(10), event(2, "cus_Ada"))...)
		covered := contents(t, folder, eventsFolder)
		third, err := a.Erase(t.Context(), second, "", "cus_Ada")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(covered, contents(t, folder, eventsFolder)); diff != "" {
			t.Errorf("the erasure changed files of events (-want +got):\n%s", diff)
		}
		for _, e := range whole(t, other, Filter{}) {
			isErased := e.Spec.Invoice.Email == "" && e.Spec.Invoice.Name == "" && e.Annotations == nil && e.Labels["note"] == ""
			if isErased != (e.Spec.CustomerID == "cus_Ada") || e.Spec.Invoice.AmountPaid != 1<<60+1 {
				t.Errorf("after the erasure: %s", e.Spec.EventID)
			}
		}
		report, err := other.Verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Report{Head: third, Events: 13, Distinct: 12, Files: report.Files, Bytes: report.Bytes, Personal: 6, Erasures: 1}, report); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		// New events of the customer are archived with their personal data.
		fourth := appended(t, a, third, event(20, "cus_Ada"))
		if found := whole(t, other, Filter{EventIDs: []string{"evt_020"}}); len(found) != 1 || found[0].Spec.Invoice.Email == "" {
			t.Error("the event after the erasure has no personal data")
		}
		if found := problems(t, other); found != nil || fourth.Batch != 4 || fourth.Events != 14 {
			t.Errorf("after the fourth batch: %v", found)
		}
	})
}

// Of two writers with the same head, one gets ErrBehind; what the other wrote is whole, and the loser's files are swept.
func TestTwoWriters(t *testing.T) {
	stores(t, func(t *testing.T, location, _ string) {
		const writers = 4
		type answer struct {
			head Head
			err  error
		}
		head := Head{}
		for range 4 {
			answers := make(chan answer, writers)
			start := make(chan struct{})
			for n := range writers {
				a := open(t, location)
				go func() {
					<-start
					head, err := a.Append(t.Context(), head, some(100*n))
					answers <- answer{head, err}
				}()
			}
			close(start)
			var won []Head
			for range writers {
				switch got := <-answers; {
				case got.err == nil:
					won = append(won, got.head)
				case !errors.Is(got.err, ErrBehind):
					t.Fatal(got.err)
				}
			}
			if len(won) != 1 {
				t.Fatalf("%d writers have written batch %d", len(won), head.Batch+1)
			}
			head = won[0]
		}
		a := open(t, location)
		head = appended(t, a, head, event(999, "cus_Eve"))
		report, err := a.Verify(t.Context())
		if err != nil || report.Head != head || report.Events != 25 || report.Problems != nil {
			t.Errorf("report %+v, error %v", report, err)
		}
	})
}

// contents are the files of an archive in a folder, by path.
func contents(t *testing.T, folder, below string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(filepath.Join(folder, below), func(at string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(at)
		relative, _ := filepath.Rel(folder, at)
		found[filepath.ToSlash(relative)] = string(content)
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}

// stored are the files in a store, by path.
func stored(t *testing.T, s store) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for path, err := range s.list(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if found[path], err = s.read(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

var errStore = errors.New("the store fails")

// faulty is a store whose n-th call fails.
type faulty struct {
	store
	counting sync.Mutex
	calls, n int
	isDone   bool // the call is carried out, and only its answer is lost
	isEnd    bool // no call after it is answered, as if the process had been killed
}

func (f *faulty) call(do func() error) error {
	f.counting.Lock()
	f.calls++
	isFirst, isBroken := f.calls == f.n, f.calls == f.n || f.isEnd && f.calls > f.n
	f.counting.Unlock()
	if isBroken && (!f.isDone || !isFirst) {
		return errStore
	}
	err := do()
	if isBroken {
		return errStore
	}
	return err
}

func (f *faulty) read(ctx context.Context, path string) (content []byte, err error) {
	err = f.call(func() error { content, err = f.store.read(ctx, path); return err })
	return content, err
}

func (f *faulty) create(ctx context.Context, path string, content []byte) error {
	return f.call(func() error { return f.store.create(ctx, path, content) })
}

func (f *faulty) write(ctx context.Context, path string, content []byte) error {
	return f.call(func() error { return f.store.write(ctx, path, content) })
}

func (f *faulty) remove(ctx context.Context, path string) error {
	return f.call(func() error { return f.store.remove(ctx, path) })
}

func (f *faulty) list(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := f.call(func() error { return nil }); err != nil {
			yield("", err)
			return
		}
		for path, err := range f.store.list(ctx, prefix) {
			if !yield(path, err) {
				return
			}
		}
	}
}

// inMemory is a store that costs no time.
func inMemory() store { return bucket{memblob.OpenBucket(nil)} }

// eachFault runs a test for every call that can fail, in every way.
func eachFault(t *testing.T, test func(t *testing.T, a *Archive, f *faulty)) {
	for _, isDone := range []bool{false, true} {
		for _, isEnd := range []bool{false, true} {
			n := 1
			for ; ; n++ {
				f := &faulty{store: inMemory(), n: n, isDone: isDone, isEnd: isEnd}
				t.Run(fmt.Sprintf("done=%t,end=%t,call=%d", isDone, isEnd, n), func(t *testing.T) { test(t, newArchive(f), f) })
				if f.calls < n { // no call has failed
					break
				}
			}
			if n < 10 {
				t.Fatalf("only %d calls", n)
			}
		}
	}
}

// A writer that stops anywhere repeats: nothing is lost, nothing is doubled, and the chain is whole.
func TestAppendStops(t *testing.T) {
	eachFault(t, func(t *testing.T, a *Archive, f *faulty) {
		events := some(0)
		first, firstErr := a.Append(t.Context(), Head{}, events)
		again := newArchive(f.store)
		head, err := again.Append(t.Context(), Head{}, events)
		if errors.Is(err, ErrBehind) {
			batch, nextErr := again.Next(t.Context(), Head{})
			head, err = batch.Head, nextErr
		}
		if err != nil || firstErr == nil && first != head {
			t.Fatalf("first %v %v, then %v %v", first, firstErr, head, err)
		}
		head = appended(t, again, head, some(10)...)
		if diff := cmp.Diff(append(events, some(10)...), whole(t, again, Filter{})); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if found := problems(t, again); found != nil || head.Events != 12 {
			t.Errorf("head %v, problems %v", head, found)
		}
	})
}

// An erasure that stops anywhere is repeated: it is on record once, and nothing of the customer is left.
func TestEraseStops(t *testing.T) {
	eachFault(t, func(t *testing.T, a *Archive, f *faulty) {
		before := newArchive(f.store)
		head := appended(t, before, Head{}, some(0)...)
		head = appended(t, before, head, some(10)...)
		again := newArchive(f.store)
		first, firstErr := a.Erase(t.Context(), head, "", "cus_Bob")
		second, err := again.Erase(t.Context(), head, "", "cus_Bob")
		if err != nil || firstErr == nil && first != second || second.Batch != 3 {
			t.Fatalf("first %v %v, then %v %v", first, firstErr, second, err)
		}
		third, err := again.Erase(t.Context(), second, "", "cus_Bob") // once more, from the new head
		if err != nil || third != second {
			t.Fatalf("%v, then %v %v", second, third, err)
		}
		for path, content := range stored(t, f.store) {
			if !strings.HasPrefix(path, personalFolder) {
				continue
			}
			lines, err := decompress[personalLine](content)
			if err != nil || slices.ContainsFunc(lines, func(line personalLine) bool { return line.CustomerID == "cus_Bob" }) {
				t.Errorf("%s: %v, error %v", path, lines, err)
			}
		}
		if found := problems(t, again); found != nil {
			t.Error(found)
		}
	})
}

// Two erasures at once: neither brings back what the other took out.
func TestTwoErasures(t *testing.T) {
	folder := t.TempDir()
	a := open(t, "file://"+folder)
	head := appended(t, a, Head{}, some(0)...)
	f := &interfering{store: a.store}
	f.then = func() {
		next, err := a.Next(t.Context(), head)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Erase(t.Context(), next.Head, "", "cus_Ada"); err != nil {
			t.Error(err)
		}
	}
	if _, err := newArchive(f).Erase(t.Context(), head, "", "cus_Bob"); err != nil {
		t.Fatal(err)
	}
	if left := contents(t, folder, personalFolder); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
	if found := problems(t, a); found != nil {
		t.Error(found)
	}
}

// interfering is a store on which something else happens after the first personal file was read.
type interfering struct {
	store
	once sync.Once
	then func()
}

func (i *interfering) read(ctx context.Context, path string) ([]byte, error) {
	content, err := i.store.read(ctx, path)
	if strings.HasPrefix(path, personalFolder) {
		i.once.Do(i.then)
	}
	return content, err
}

// overwriting is a store that knows no conditional writes.
type overwriting struct{ store }

func (o overwriting) create(ctx context.Context, path string, content []byte) error {
	return o.write(ctx, path, content)
}

// Nothing more is written to such a store than the one batch that shows what it is.
func TestStoreWithoutConditionalWrites(t *testing.T) {
	s := overwriting{inMemory()}
	refuses := func(head Head) {
		t.Helper()
		if _, err := newArchive(s).Append(t.Context(), head, some(0)); err == nil || !strings.Contains(err.Error(), "conditional writes") {
			t.Errorf("error %v", err)
		}
	}
	refuses(Head{})
	before := stored(t, s)
	batch, err := newArchive(s).Next(t.Context(), Head{})
	if err != nil {
		t.Fatal(err)
	}
	refuses(batch.Head)
	if diff := cmp.Diff(before, stored(t, s)); diff != "" {
		t.Errorf("the second attempt has written (-want +got):\n%s", diff)
	}
}

func TestOpenRefuses(t *testing.T) {
	for location, want := range map[string]string{
		"":                                "must be one of file:///folder",
		"/var/archive":                    "must be one of file:///folder",
		"ftp://archive":                   `"ftp"`,
		"file://archive/x":                "three slashes",
		"file:///tmp/x?create_dir=1":      "no parameters",
		"s3://":                           "names no bucket",
		"s3://AKIA:hunter2@bucket":        "must hold no credentials",
		"s3://bucket?secret=hunter2":      "AWS_ACCESS_KEY_ID",
		"azblob://container?key=hunter2":  "AZURE_STORAGE_ACCOUNT",
		"gs://bucket?private_key=hunter2": "GOOGLE_APPLICATION_CREDENTIALS",
	} {
		_, err := Open(t.Context(), location)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: error %v", location, err)
		}
	}
}

// withoutPersonal is a store whose reader may not read personal data.
type withoutPersonal struct{ store }

func (w withoutPersonal) read(ctx context.Context, path string) ([]byte, error) {
	if strings.HasPrefix(path, personalFolder) {
		return nil, errDenied
	}
	return w.store.read(ctx, path)
}

// An analyst whom the bucket shows no personal data reads all else.
func TestReaderWithoutPersonalData(t *testing.T) {
	s := inMemory()
	appended(t, newArchive(s), Head{}, some(0)...)
	found := whole(t, newArchive(withoutPersonal{s}), Filter{})
	if len(found) != 6 || found[0].Spec.Invoice.Email != "" || found[0].Spec.Invoice.AmountPaid == 0 {
		t.Errorf("found %+v", found)
	}
}

// altering is a store that does not keep what it is given.
type altering struct {
	store
	folder string
	alter  func([]byte) []byte
}

func (l altering) write(ctx context.Context, path string, content []byte) error {
	return l.store.write(ctx, path, l.altered(path, content))
}

func (l altering) create(ctx context.Context, path string, content []byte) error {
	return l.store.create(ctx, path, l.altered(path, content))
}

func (l altering) altered(path string, content []byte) []byte {
	if strings.HasPrefix(path, l.folder) {
		return l.alter(slices.Clone(content))
	}
	return content
}

// A batch counts only once everything was read back as it was written.
func TestAppendReadsBack(t *testing.T) {
	withoutLast := func(content []byte) []byte {
		lines, err := decompress[personalLine](content)
		if err != nil {
			return content[:len(content)-1]
		}
		shorter, _ := compress(lines[:len(lines)-1])
		return shorter
	}
	for name, alter := range map[string]func([]byte) []byte{
		"truncated":    func(content []byte) []byte { return content[:len(content)-3] },
		"a bit":        func(content []byte) []byte { content[len(content)/2] ^= 4; return content },
		"without last": withoutLast,
	} {
		for _, folder := range []string{eventsFolder, personalFolder, batchesFolder} {
			s := inMemory()
			if head, err := newArchive(altering{s, folder, alter}).Append(t.Context(), Head{}, some(0)); err == nil {
				t.Errorf("%s in %s: head %v", name, folder, head)
			}
		}
	}
}
