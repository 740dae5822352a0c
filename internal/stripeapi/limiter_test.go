package stripeapi

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// order lets requests through one a second, and returns in which order: "b" in the background, "f" in the foreground.
// The one in the background comes first, and finds the limit used up.
func order(t *testing.T, patience time.Duration, foregrounds int) string {
	t.Helper()
	l := &limiter{rate: rate.NewLimiter(1, 1), patience: patience}
	passed := make(chan string, foregrounds+1)
	request := func(p priority, name string) {
		if err := l.wait(t.Context(), p); err != nil {
			t.Error(err)
		}
		passed <- name
	}
	l.rate.Allow()
	for range foregrounds {
		go request(foreground, "f")
	}
	synctest.Wait()
	go request(background, "b")
	got := ""
	for range foregrounds + 1 {
		got += <-passed
	}
	return got
}

// Requests in the foreground go first, also if they come later. One in the background does not wait for ever.
func TestTheForegroundGoesFirst(t *testing.T) {
	for name, tc := range map[string]struct {
		patience    time.Duration
		foregrounds int
		want        string
	}{
		"it waits for all of them":             {patience: time.Hour, foregrounds: 5, want: "fffffb"},
		"it takes its turn after its patience": {patience: 3500 * time.Millisecond, foregrounds: 10, want: "ffffffffffb"},
		"with no others it goes at once":       {patience: time.Hour, want: "b"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := order(t, tc.patience, tc.foregrounds); got != tc.want {
					t.Errorf("the order is %s, want %s", got, tc.want)
				}
			})
		})
	}
}

// While requests in the foreground keep coming, one in the background is sent after its patience.
func TestTheBackgroundIsNotStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{rate: rate.NewLimiter(1, 1), patience: 5 * time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 3 {
			go func() {
				for l.wait(ctx, foreground) == nil {
				}
			}()
		}
		synctest.Wait()
		began := time.Now()
		if err := l.wait(t.Context(), background); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 5*time.Second || took > 10*time.Second {
			t.Errorf("it was sent after %s, want soon after 5s", took)
		}
	})
}

// A request ends with its context, whatever it waits for.
func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{rate: rate.NewLimiter(rate.Every(time.Hour), 1), patience: time.Hour}
		l.rate.Allow()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- l.wait(ctx, foreground) }()
		synctest.Wait()
		go func() { ended <- l.wait(ctx, background) }()
		synctest.Wait()
		cancel()
		for range 2 {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("error is %v, want the context's", err)
			}
		}
	})
}

// LimitRate sets how many requests a second a client makes: ten by default, and a fifth of them at once.
func TestLimitRate(t *testing.T) {
	for name, tc := range map[string]struct {
		change       func(*Client)
		want, atOnce int
	}{
		"by default": {func(*Client) {}, 10, 2},
		"as told":    {func(c *Client) { c.LimitRate(25) }, 25, 5},
		"the least":  {func(c *Client) { c.LimitRate(1) }, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := New("rk_test_1", "", "")
				tc.change(c)
				const seconds = 4
				begin := time.Now()
				for range tc.atOnce + tc.want*seconds {
					if err := c.limit.wait(t.Context(), foreground); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(begin).Round(time.Millisecond); took != seconds*time.Second {
					t.Errorf("%d requests took %s, want %d s", tc.atOnce+tc.want*seconds, took, seconds)
				}
			})
		})
	}
}
