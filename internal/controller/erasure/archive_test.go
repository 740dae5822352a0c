package erasure

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/controller/archivehead"
)

// An error of the archive says once that it is the archive's, and names the file once.
func TestAnErrorOfTheArchiveSaysEachThingOnce(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	var denied string // the method that the bucket refuses
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, text := http.StatusNotFound, `<Error><Code>NoSuchKey</Code></Error>`
		if r.Method == denied {
			code, text = http.StatusForbidden, `<Error><Code>AccessDenied</Code></Error>`
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(bucket.Close)
	location := "s3://archive?endpoint=" + bucket.URL + "&region=us-east-1&use_path_style=true"
	for name, tc := range map[string]struct{ location, denied, want string }{
		"it cannot be opened":  {"file:///dev/null/events", "", "the archive cannot be used: file://: "},
		"it cannot be read":    {location, http.MethodGet, "the archive cannot be used: batch 1: batches/000000000001.json: the bucket does not permit it (operation error S3: "},
		"it cannot be written": {location, http.MethodPut, "the archive cannot be used: batch 1: batches/000000000001.json: the bucket does not permit it (operation error S3: "},
	} {
		t.Run(name, func(t *testing.T) {
			denied = tc.denied
			cluster := fake.NewClientBuilder().Build()
			b := Bucket{
				Open: func(ctx context.Context) (*archive.Archive, error) { return archive.Open(ctx, tc.location) },
				Head: archivehead.Store{Reader: cluster, Writer: cluster, Namespace: "billing"},
			}
			err := b.Erase(t.Context(), "", "cus_1")
			if !errors.Is(err, archivehead.ErrChain) || !strings.HasPrefix(err.Error(), tc.want) {
				t.Fatalf("the error is %v", err)
			}
			for _, word := range []string{"archive cannot", "archive:", "batches/000000000001.json", "code="} {
				if most := strings.Count(tc.want, word); strings.Count(err.Error(), word) > most {
					t.Errorf("%q says %q more than %d times", err, word, most)
				}
			}
		})
	}
}

// An archive that only records erasures has no event, so no erasure waits for it.
func TestAnArchiveOfErasuresAloneIsNotMissed(t *testing.T) {
	for name, tc := range map[string]struct {
		head archivehead.State
		want string
	}{
		"nothing is archived":  {},
		"erasures alone":       {head: archivehead.State{Head: archive.Head{Batch: 2, SHA256: "sha"}, Archive: "s3://trail"}},
		"events and erasures":  {head: archivehead.State{Head: archive.Head{Batch: 2, SHA256: "sha", Events: 7}, Archive: "s3://trail"}, want: "s3://trail"},
		"the archive was lost": {head: archivehead.State{Head: archive.Head{Batch: 2, SHA256: "sha", Events: 7}}},
	} {
		cluster := fake.NewClientBuilder().Build()
		store := archivehead.Store{Reader: cluster, Writer: cluster, Namespace: "billing"}
		state, err := store.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		next := state
		next.Head, next.Archive = tc.head.Head, tc.head.Archive
		if _, err := store.Swap(t.Context(), state, next); err != nil {
			t.Fatal(err)
		}
		if got, err := Unreached(t.Context(), store); got != tc.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", name, got, err, tc.want)
		}
	}
}
