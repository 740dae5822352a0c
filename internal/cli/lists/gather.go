package lists

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

const (
	// page is how many objects one request lists.
	page = 500
	// sample is of how many events the lag is measured.
	sample = 20
)

// Gather counts what the namespace has. It lists customers and e-mails, and of the events the pending and the failed ones.
func Gather(ctx context.Context, c client.Reader, namespace string, now time.Time) (*Top, error) {
	top := &Top{Namespace: namespace, At: metav1.NewTime(now), Reasons: []Reason{}}
	var newest []EventKey
	err := eachPage(ctx, c, &v1alpha1.CustomerList{}, namespace, nil, func(list *v1alpha1.CustomerList) {
		top.CountCustomers(list.Items)
		newest = append(newest, NewestEvents(list.Items, sample)...)
	})
	if err != nil {
		return nil, fmt.Errorf("list customers: %w", err)
	}
	err = eachPage(ctx, c, &v1alpha1.BillingEventList{}, namespace, Outcome(v1alpha1.OutcomePending), func(list *v1alpha1.BillingEventList) {
		top.CountPending(list.Items)
	})
	if err != nil {
		return nil, fmt.Errorf("list pending events: %w", err)
	}
	err = eachPage(ctx, c, &v1alpha1.BillingEventList{}, namespace, Outcome(v1alpha1.OutcomeFailed), func(list *v1alpha1.BillingEventList) {
		top.CountFailed(list.Items)
	})
	if err != nil {
		return nil, fmt.Errorf("list failed events: %w", err)
	}
	err = eachPage(ctx, c, &v1alpha1.EmailList{}, namespace, nil, func(list *v1alpha1.EmailList) { top.CountEmails(list.Items) })
	if err != nil {
		return nil, fmt.Errorf("list e-mails: %w", err)
	}
	top.Lag, err = measure(ctx, c, namespace, newest)
	return top, err
}

// measure reads the newest of the events, and measures their lag.
func measure(ctx context.Context, c client.Reader, namespace string, keys []EventKey) (*Lag, error) {
	var events []v1alpha1.BillingEvent
	for _, key := range newestOf(keys, sample) {
		var e v1alpha1.BillingEvent
		err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: naming.Object(key.Account, key.ID)}, &e)
		switch {
		case err == nil:
			events = append(events, e)
		case !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("get the event %s: %w", key.ID, err)
		}
	}
	return MeasureLag(events), nil
}

// Events lists the events that the fields select; nil stands for all.
func Events(ctx context.Context, c client.Reader, namespace string, fields client.MatchingFields) ([]v1alpha1.BillingEvent, error) {
	var events []v1alpha1.BillingEvent
	err := eachPage(ctx, c, &v1alpha1.BillingEventList{}, namespace, fields, func(list *v1alpha1.BillingEventList) {
		events = append(events, list.Items...)
	})
	return events, err
}

// Outcome selects events by their outcome.
func Outcome(outcome v1alpha1.Outcome) client.MatchingFields {
	return client.MatchingFields{v1alpha1.FieldOutcome: string(outcome)}
}

// eachPage lists page by page.
func eachPage[L client.ObjectList](
	ctx context.Context, c client.Reader, list L, namespace string, fields client.MatchingFields, visit func(L),
) error {
	options := []client.ListOption{client.InNamespace(namespace), client.Limit(page)}
	if fields != nil {
		options = append(options, fields)
	}
	for {
		if err := c.List(ctx, list, append(options, client.Continue(list.GetContinue()))...); err != nil {
			return err
		}
		visit(list)
		if list.GetContinue() == "" {
			return nil
		}
	}
}
