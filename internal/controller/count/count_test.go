package count

import (
	"context"
	"errors"
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"
)

// It counts at once and once in every interval, goes on after a failure, and resets when it ends.
func TestRepeatedly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	clock, counted, wasReset := testclock.NewFakeClock(time.Now()), make(chan int), make(chan bool, 1)
	n := 0
	go Repeatedly(ctx, clock, time.Minute, "sheep", func(context.Context) error {
		n++
		counted <- n
		return errors.New("it failed")
	}, func() { wasReset <- true })
	for want := 1; want <= 3; want++ {
		if got := <-counted; got != want {
			t.Fatalf("count %d, want %d", got, want)
		}
		clock.Step(time.Minute)
	}
	if got := <-counted; got != 4 {
		t.Fatalf("count %d, want 4", got)
	}
	cancel()
	<-wasReset
}
