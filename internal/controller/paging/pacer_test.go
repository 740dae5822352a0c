package paging

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
)

// Background work has a request at the API server for a share of the time only, gives way to the recording of events, and ends with its
// context.
func TestPacer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		yields := 0
		p := &Pacer{Clock: clock.RealClock{}, Share: DefaultShare, Yield: func(context.Context) { yields++ }}
		begin := time.Now()
		for range 10 {
			if err := p.Write(t.Context(), func() { <-time.After(4 * time.Millisecond) }); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took != 200*time.Millisecond || yields != 10 {
			t.Errorf("ten requests of 4 ms took %s, and gave way %d times", took, yields)
		}
		begin = time.Now()
		_ = p.Do(t.Context(), func() { <-time.After(time.Minute) })
		if took := time.Since(begin); took != time.Minute+longestPause {
			t.Errorf("a request of a minute took %s", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Do(ctx, func() { t.Error("made after the end") }); err == nil {
			t.Error("no error after the end")
		}
	})
}
