package retention

import (
	"errors"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/internal/config"
)

// The ConfigMap names the archive while none is set: it has events. With none there is no archive any more.
func TestUnsetIsNotNone(t *testing.T) {
	for name, tc := range map[string]struct {
		url  string
		keep time.Duration
		want string
	}{
		"unset":                               {"", keep, "mem:"},
		"none":                                {config.ArchiveNone, keep, ""},
		"none, and events are kept for ever":  {config.ArchiveNone, 0, ""},
		"unset, and events are kept for ever": {"", 0, "mem:"},
		"another one":                         {"mem2://", keep, "mem2:"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := bench(t, &memory{}, interceptor.Funcs{})
			if _, err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.URL, r.Keep = tc.url, tc.keep
			for range 2 {
				r.succeed(t.Context(), nil)
				state, err := r.Head.Load(t.Context())
				if err != nil || state.Archive != tc.want || state.Head.Batch != 2 || state.Problem != "" {
					t.Errorf("the archive is %q, want %q; %+v, %v", state.Archive, tc.want, state, err)
				}
				r.fail(t.Context(), errors.New("the API server is down"), time.Second) // what it notes is taken back
			}
		})
	}
}

// Nothing is noted in a cluster in which nothing was deleted, and nothing will be.
func TestNothingIsNotedWithoutAnArchive(t *testing.T) {
	r, _ := bench(t, &memory{}, interceptor.Funcs{})
	for _, url := range []string{"", config.ArchiveNone} {
		r.URL, r.Keep = url, 0
		r.succeed(t.Context(), nil)
		if state, err := r.Head.Load(t.Context()); err != nil || state.IsNoted() {
			t.Errorf("--archive-url=%s: there is a ConfigMap: %+v, %v", url, state, err)
		}
	}
}
