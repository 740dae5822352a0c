package products

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// source answers from memory, after a second.
type source struct {
	mutex   sync.Mutex
	asked   int
	answers map[string]string // JSON by id
	err     error             // if not nil, the answer to everything
}

func (s *source) Product(_ context.Context, _, id string) (stripeapi.Reading, error) {
	time.Sleep(time.Second) //nolint:forbidigo // in a synctest bubble, where no real time passes
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.asked++
	answer, known := s.answers[id]
	switch {
	case s.err != nil:
		return stripeapi.Reading{}, s.err
	case !known:
		return stripeapi.Reading{}, fmt.Errorf("get %s: %w", id, stripeapi.ErrNotFound)
	}
	object, err := stripejson.Parse([]byte(answer))
	return stripeapi.Reading{Object: object, At: time.Now().UTC().Truncate(time.Second)}, err
}

func newCache(s *source, logged *[]string) *Cache {
	log := funcr.New(func(_, args string) { *logged = append(*logged, args) }, funcr.Options{})
	return NewCache(s, events.Decoder{MetadataPrefix: "tollkeeper_"}, clock.RealClock{}, log)
}

func seats(t *testing.T, c *Cache, id string, notBefore time.Time) string {
	t.Helper()
	e, err := c.Read(t.Context(), "", id, notBefore)
	switch {
	case errors.Is(err, ErrNotReadable):
		return "not readable"
	case err != nil:
		return "error"
	case e.Product.NotFound:
		return "not found"
	}
	return string(e.Product.Entitlements["seats"])
}

// Customers that ask for a product at the same time, and later ones, share one request. A comparison may ask for a newer
// reading.
func TestAProductIsReadOnceForAllCustomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged []string
		s := &source{answers: map[string]string{"prod_A": `{"id": "prod_A", "metadata": {"tollkeeper_seats": "5"}}`}}
		c := newCache(s, &logged)
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if got := seats(t, c, "prod_A", time.Time{}); got != "5" {
					t.Errorf("the product grants %q, want 5", got)
				}
			})
		}
		group.Wait()
		if s.asked != 1 {
			t.Errorf("Stripe was asked %d times, want once", s.asked)
		}
		s.answers["prod_A"] = `{"id": "prod_A", "metadata": {"tollkeeper_seats": "6"}}`
		time.Sleep(time.Minute) //nolint:forbidigo // in a synctest bubble
		for _, tc := range []struct {
			notBefore time.Time
			want      string
		}{{time.Now().Add(-time.Hour), "5"}, {time.Now(), "6"}} {
			if got := seats(t, c, "prod_A", tc.notBefore); got != tc.want {
				t.Errorf("the product grants %q, want %q", got, tc.want)
			}
		}
		if got := c.Known("", "prod_A"); len(got) != 1 || got[0].Product.Entitlements["seats"] != "6" {
			t.Errorf("known are %v, want the last reading", got)
		}
	})
}

// What cannot be read is not asked for again for a while, by whichever customer.
func TestStripeIsNotAskedAgainAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		source *source
		want   string
		asked  int // for two products, three times each, and once more each a while later
		logged int
	}{
		"the key may not read products": {&source{err: fmt.Errorf("get: %w", stripeapi.ErrRefused)}, "not readable", 2, 1},
		"the products are not known":    {&source{}, "not found", 2, 0},
		"the answers cannot be used": {
			&source{answers: map[string]string{"prod_A": `{"id": "prod_X"}`, "prod_B": `{"id": "prod_X"}`}}, "not readable", 4, 4,
		},
		"Stripe is down": {&source{err: errors.New("500")}, "error", 8, 0}, // the caller backs off
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged []string
				c := newCache(tc.source, &logged)
				for n := range 4 {
					if n == 3 {
						time.Sleep(patience) //nolint:forbidigo // in a synctest bubble
					}
					for _, id := range []string{"prod_A", "prod_B"} {
						if got := seats(t, c, id, time.Time{}); got != tc.want {
							t.Errorf("%s: got %q, want %q", id, got, tc.want)
						}
					}
				}
				if tc.source.asked != tc.asked || len(logged) != tc.logged {
					t.Errorf("asked %d times and logged %d times, want %d and %d", tc.source.asked, len(logged), tc.asked, tc.logged)
				}
			})
		})
	}
}

// A product's latest events are kept, each once, in the order of events.
func TestEventsOfAProductAreKept(t *testing.T) {
	var logged []string
	c := newCache(&source{}, &logged)
	for n := range 12 {
		for range 2 {
			c.Put(&projection.Event{
				EventID: fmt.Sprintf("evt_%02d", n), ObjectID: "prod_A", Created: metav1.NewTime(time.Unix(int64(100-n), 0)),
			})
		}
	}
	var ids []string
	for _, e := range c.Known("", "prod_A") {
		ids = append(ids, e.EventID)
	}
	want := []string{"evt_07", "evt_06", "evt_05", "evt_04", "evt_03", "evt_02", "evt_01", "evt_00"}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if got := c.Known("acct_other", "prod_A"); got != nil {
		t.Errorf("another account's product has %d events", len(got))
	}
}

// The memory is bounded, whatever products events report.
func TestTheCacheIsBounded(t *testing.T) {
	var logged []string
	c := newCache(&source{}, &logged)
	for n := range maxProducts + 100 {
		c.Put(&projection.Event{EventID: "evt_1", ObjectID: fmt.Sprintf("prod_%d", n)})
	}
	if len(c.products) != maxProducts {
		t.Errorf("%d products are kept, want %d", len(c.products), maxProducts)
	}
	if len(c.Known("", fmt.Sprintf("prod_%d", maxProducts+99))) != 1 {
		t.Error("the last product is not kept")
	}
}
