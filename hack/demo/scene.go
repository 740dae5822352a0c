package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// scene is one story on the stage.
type scene struct {
	*stage
	ctx    context.Context // a story is told in one go
	story  int
	events int
}

// event numbers an event of the story.
func (s *scene) event(kind string, at time.Time, shape stripetest.Shape, object stripetest.Object) stripetest.Event {
	s.events++
	return stripetest.Event{ID: fmt.Sprintf("evt_demo%d%02d", s.story+1, s.events), Type: kind, Created: at, Shape: shape, Object: object}
}

// act is one step of a story.
type act func() error

// all sends events in turn and wants each acknowledged.
func (s *scene) all(events ...stripetest.Event) act {
	return func() error {
		for _, e := range events {
			body := e.JSON()
			if err := s.post(e, stripetest.Sign(body, time.Now(), s.endpoint.Secret), http.StatusOK); err != nil {
				return err
			}
		}
		return nil
	}
}

// forged sends an event signed with a guess, and wants it refused.
func (s *scene) forged(e stripetest.Event) act {
	return func() error {
		return s.post(e, stripetest.Sign(e.JSON(), time.Now(), "whsec_guessed"), http.StatusBadRequest)
	}
}

func (s *scene) post(e stripetest.Event, signature string, want int) error {
	code, err := s.endpoint.PostSigned(s.ctx, e.JSON(), signature)
	if err != nil {
		return fmt.Errorf("post %s: %w", e.Type, err)
	}
	fmt.Printf("   → %-40s %d\n", e.Type, code)
	if code != want {
		return fmt.Errorf("%s was answered %d, want %d", e.Type, code, want)
	}
	return nil
}

// storm sends one event many times at once and wants every one acknowledged.
func (s *scene) storm(e stripetest.Event, times int) act {
	return func() error {
		codes := make([]int, times)
		var all sync.WaitGroup
		for i := range times {
			all.Go(func() { codes[i], _ = s.endpoint.Post(s.ctx, e) })
		}
		all.Wait()
		for _, code := range codes {
			if code != http.StatusOK {
				return fmt.Errorf("one of %d deliveries was answered %d, want 200", times, code)
			}
		}
		fmt.Printf("   → %-40s %d, %d times\n", e.Type, http.StatusOK, times)
		return nil
	}
}

// expect waits until what is got is what the story says.
func (s *scene) expect(what, want string, got func() string) act {
	return func() error {
		last := ""
		err := wait.PollUntilContextTimeout(s.ctx, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
			last = got()
			return last == want, nil
		})
		if err != nil {
			return fmt.Errorf("%s: is %q, want %q", what, last, want)
		}
		fmt.Printf("   ✓ %s: %s\n", what, want)
		return nil
	}
}

// entitled waits for the condition that tenant controllers act on.
func (s *scene) entitled(customer, want string) act {
	return s.expect("Entitled", want, func() string {
		c := meta.FindStatusCondition(s.customer(customer).Status.Conditions, v1alpha1.ConditionEntitled)
		if c == nil {
			return ""
		}
		return fmt.Sprintf("%s (%s)", c.Status, c.Reason)
	})
}

// status waits for the subscription's status.
func (s *scene) status(subscription, want string) act {
	return s.expect("Subscription", want, func() string { return s.subscription(subscription).Status.Status })
}

func (s *scene) customer(id string) *v1alpha1.Customer {
	var c v1alpha1.Customer
	s.read(id, &c)
	return &c
}

func (s *scene) subscription(id string) *v1alpha1.Subscription {
	var sub v1alpha1.Subscription
	s.read(id, &sub)
	return &sub
}

// read leaves the object empty if it is not there.
func (s *scene) read(id string, object client.Object) {
	_ = s.cluster.Client.Get(s.ctx, client.ObjectKey{Namespace: namespace, Name: naming.Object("", id)}, object)
}

// count is the number of objects of a kind that carry the label.
func (s *scene) count(list client.ObjectList, label, value string) string {
	err := s.cluster.Client.List(s.ctx, list, client.InNamespace(namespace), client.MatchingLabels{label: value})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(meta.LenList(list))
}
