package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

const (
	// retention is how long events stay in the cluster.
	retention = 45 * 24 * time.Hour
	// oldAge is how long ago the old histories happened, and how long ago their events seem to have been settled.
	oldAge = 60 * 24 * time.Hour
)

func archiveURL(folder string) string {
	return (&url.URL{Scheme: "file", Path: filepath.Join(folder, "archive")}).String()
}

// recordOld has a manager without faults record the events of the old histories, makes them look as if that had been long
// ago, and returns the types of the events by id. So the disturbed run begins with events that may leave the cluster.
func recordOld(
	ctx context.Context, c *cluster, s setup, binary string, histories []*history, opts options,
) (acked map[string]string, err error) {
	s.binary, s.replicas, s.election, s.flags = binary, 1, false, nil
	o, err := newOperator(ctx, c, s)
	closing := sync.OnceValue(o.close)
	defer func() { err = errors.Join(err, closing()) }()
	if err != nil {
		return nil, err
	}
	var old []*history
	for _, h := range histories {
		if h.isOld {
			old = append(old, h)
		}
	}
	stripe := newStripe(o, map[string]string{})
	stripe.deliverInOrder(ctx, old)
	if undelivered := stripe.awaitAll(opts.patience()); len(undelivered) > 0 {
		return nil, errors.New(undelivered[0])
	}
	end, err := o.awaitSettled(ctx, opts.patience())
	if err := errors.Join(err, closing()); err != nil {
		return nil, err
	}
	for i := range end.events.Items {
		e := &end.events.Items[i]
		settled := metav1.NewTime(time.Now().Add(-oldAge))
		e.Status.ProcessedAt = &settled
		if err := c.client.Status().Update(ctx, e); err != nil {
			return nil, fmt.Errorf("make BillingEvent %s look old: %w", e.Name, err)
		}
	}
	return stripe.acknowledged(), nil
}

// allArchived returns nil if no event is left in the cluster that may leave it.
func (o *operator) allArchived(ctx context.Context) error {
	var page v1alpha1.BillingEventList
	for {
		if err := o.cluster.client.List(ctx, &page, client.InNamespace(o.namespace), client.Limit(500), client.Continue(page.Continue)); err != nil {
			return err
		}
		for i := range page.Items {
			e := &page.Items[i]
			isOld := e.Status.ProcessedAt != nil && time.Since(e.Status.ProcessedAt.Time) > oldAge/2
			if !isOld {
				continue
			}
			if isOpen, err := o.isOfOpenDispute(ctx, e); err != nil || !isOpen {
				return errors.Join(err, fmt.Errorf("event %s, which is old, is in the cluster, perhaps others too", e.Spec.EventID))
			}
		}
		if page.Continue == "" {
			return nil
		}
	}
}

// isOfOpenDispute reports whether the event is about an open dispute of its customer, or about its payment: such events stay.
func (o *operator) isOfOpenDispute(ctx context.Context, e *v1alpha1.BillingEvent) (bool, error) {
	var c v1alpha1.Customer
	key := client.ObjectKey{Namespace: o.namespace, Name: naming.Object(e.Spec.Account, e.CustomerID())}
	if err := o.cluster.client.Get(ctx, key, &c); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	return slices.ContainsFunc(c.Status.OpenDisputes, func(d v1alpha1.Dispute) bool {
		about := e.Content()
		return about.ObjectID == d.ID || about.ChargeID != "" && about.ChargeID == d.ChargeID ||
			about.PaymentIntentID != "" && about.PaymentIntentID == d.PaymentIntentID
	}), nil
}

// readArchive adds the events that are in the archive only to the state, and finds what is wrong with the archive.
func (f *findings) readArchive(ctx context.Context, location string, s *state) (err error) {
	if location == "" {
		return nil
	}
	a, err := archive.Open(ctx, location)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	report, err := a.Verify(ctx)
	if err != nil {
		return err
	}
	for _, problem := range report.Problems {
		f.problemf("the archive: %v", problem)
	}
	inCluster := map[string]*v1alpha1.BillingEvent{}
	for i := range s.events.Items {
		inCluster[s.events.Items[i].Name] = &s.events.Items[i]
	}
	for e, err := range a.Events(ctx, archive.Filter{}) {
		if err != nil {
			return err
		}
		if twin := inCluster[e.Name]; twin == nil {
			s.archived = append(s.archived, e)
		} else if twin.Spec.PayloadSHA256 != e.Spec.PayloadSHA256 {
			f.problemf("event %s has another record in the archive than in the cluster", e.Spec.EventID)
		}
	}
	return nil
}
