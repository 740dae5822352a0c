package retention

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/internal/config"
)

// The leader says once that the archive can be reached, at the first time that it can, and when the first batch is due.
func TestTheArchiveCanBeReached(t *testing.T) {
	for name, tc := range map[string]struct {
		listed []row
		url    string
		want   string
	}{
		"the oldest event is young": {[]row{{Created: now.Add(-day)}, {Created: now.Add(-5 * day)}}, "s3://acme-billing-archive?region=eu-central-1",
			`"The archive can be reached; events are written to it when they are due" "retention"="1080h0m0s" "batch"=0 "due"="2027-01-08T12:00:00Z" "archive"="s3://acme-billing-archive"`},
		"it is old": {[]row{{Created: now.Add(-60 * day)}}, "s3://b",
			`"The archive can be reached; events are written to it when they are due" "retention"="1080h0m0s" "batch"=0 "due"="2026-11-29T12:00:00Z" "archive"="s3://b"`},
		"there is none": {nil, "s3://b",
			`"The archive can be reached; events are written to it when they are due" "retention"="1080h0m0s" "batch"=0 "archive"="s3://b"`},
		"no archive": {[]row{{Created: now.Add(-day)}}, config.ArchiveNone,
			`"Old events are deleted without an archive" "retention"="1080h0m0s" "batch"=0 "due"="2027-01-12T12:00:00Z"`},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := bench(t, &memory{}, interceptor.Funcs{})
			var lines []string
			r.Log = funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{})
			r.Rows, r.URL = pages{tc.listed}, tc.url
			open, isDown := r.Open, tc.url != config.ArchiveNone
			r.Open = func(ctx context.Context, url string) (Archive, error) {
				if isDown {
					return nil, errors.New("403 Forbidden")
				}
				return open(ctx, url)
			}
			if _, err := r.run(t.Context()); (err != nil) != isDown || isDown && len(lines) > 0 {
				t.Fatalf("while it cannot be reached: %v, %v", lines, err)
			}
			isDown = false
			for range 3 {
				if _, err := r.run(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(lines, "\n"); got != `"level"=0 "msg"=`+tc.want {
				t.Errorf("the log is\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
	if got := nextDue(&look{oldest: now.Add(-keep + time.Second)}, keep, now); !got.Equal(now.Add(time.Second)) {
		t.Errorf("an event that is old in a second is due at %s", got)
	}
}

// A bucket that is not there cannot be reached, although no file of an archive is in an empty bucket either.
func TestABucketThatIsNotThereCannotBeReached(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for name, tc := range map[string]struct {
		isThere bool
		want    int // lines that say that it can be reached
	}{"it is there": {true, 1}, "it is not there": {false, 0}} {
		t.Run(name, func(t *testing.T) {
			bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				switch isList := q.URL.Query().Has("list-type"); {
				case isList && tc.isThere:
					_, _ = io.WriteString(w, `<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>`)
				case isList:
					w.WriteHeader(http.StatusNotFound)
					_, _ = io.WriteString(w, `<Error><Code>NoSuchBucket</Code></Error>`)
				default: // a store may say so of a file whose bucket is not there
					w.WriteHeader(http.StatusNotFound)
					_, _ = io.WriteString(w, `<Error><Code>NoSuchKey</Code></Error>`)
				}
			}))
			t.Cleanup(bucket.Close)
			r, _ := bench(t, &memory{}, interceptor.Funcs{})
			lines := 0
			r.Log = funcr.New(func(string, string) { lines++ }, funcr.Options{})
			r.Open, r.Rows = OpenArchive, pages{nil}
			r.URL = "s3://archive?endpoint=" + bucket.URL + "&region=us-east-1&use_path_style=true"
			_, err := r.run(t.Context())
			if isReached := err == nil; isReached != tc.isThere || lines != tc.want || !isReached && causeOf(err) != causeArchive {
				t.Errorf("%d lines, %v", lines, err)
			}
		})
	}
}
