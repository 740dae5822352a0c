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

// scene provides the steps of one story.
type scene struct {
	*stage
	ctx    context.Context // shared by all steps of the story
	story  int
	events int
}

// event returns an event with the next id of the story.
func (s *scene) event(kind string, at time.Time, shape stripetest.Shape, object stripetest.Object) stripetest.Event {
	s.events++
	return stripetest.Event{ID: fmt.Sprintf("evt_demo%d%02d", s.story+1, s.events), Type: kind, Created: at, Shape: shape, Object: object}
}

// step is one step of a story.
type step func() error

// send posts the events one after the other, and expects 200 for each.
func (s *scene) send(events ...stripetest.Event) step {
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

// sendForged posts an event that is signed with a guessed secret, and expects 400.
func (s *scene) sendForged(e stripetest.Event) step {
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

// sendAtOnce posts the same event many times concurrently, and expects 200 for each.
func (s *scene) sendAtOnce(e stripetest.Event, times int) step {
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

// expect waits until get returns want.
func (s *scene) expect(what, want string, get func() string) step {
	return func() error {
		last := ""
		err := wait.PollUntilContextTimeout(s.ctx, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
			last = get()
			return last == want, nil
		})
		if err != nil {
			return fmt.Errorf("%s: is %q, want %q", what, last, want)
		}
		fmt.Printf("   ✓ %s: %s\n", what, want)
		return nil
	}
}

// entitled expects status and reason of the condition Entitled, such as "True (GracePeriod)".
func (s *scene) entitled(customer, want string) step {
	return s.expect("Entitled", want, func() string {
		c := meta.FindStatusCondition(s.customer(customer).Status.Conditions, v1alpha1.ConditionEntitled)
		if c == nil {
			return ""
		}
		return fmt.Sprintf("%s (%s)", c.Status, c.Reason)
	})
}

// status expects the subscription's status.
func (s *scene) status(subscription, want string) step {
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

// read reads an object by its Stripe id. An object that does not exist stays empty.
func (s *scene) read(id string, object client.Object) {
	_ = s.cluster.Client.Get(s.ctx, client.ObjectKey{Namespace: namespace, Name: naming.Object("", id)}, object)
}

// count returns the number of objects in the list that have the label.
func (s *scene) count(list client.ObjectList, label, value string) string {
	err := s.cluster.Client.List(s.ctx, list, client.InNamespace(namespace), client.MatchingLabels{label: value})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(meta.LenList(list))
}
