package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// measureFailover prints a table: how long after each kind of failure an event is acknowledged again, and how long until it is applied.
func measureFailover(ctx context.Context, c *cluster, folder string, times int) (err error) {
	binary, err := build(ctx, folder, "")
	if err != nil {
		return err
	}
	o, err := newOperator(ctx, c, folder, binary, "failover", 2, true)
	closing := sync.OnceValue(o.close)
	defer func() { err = errors.Join(err, closing()) }()
	if err != nil {
		return err
	}
	defer o.trouble.begin()()
	fmt.Printf("| failure | acknowledged again: median, most | applied again: median, most |\n| --- | --- | --- |\n")
	for _, way := range []struct {
		name string
		do   func(leader *manager) bool
	}{
		{"none", func(*manager) bool { return true }},
		{"the leader is told to end (SIGTERM)", func(leader *manager) bool { return leader.terminate() }},
		{"the leader is killed (SIGKILL)", func(leader *manager) bool { return leader.kill(0) }},
		{"the API server is killed and restarted", func(*manager) bool { return c.apiserver.kill(0) }},
		{"etcd is killed and restarted", func(*manager) bool { return c.etcd.kill(0) }},
	} {
		var acknowledged, applied []time.Duration
		for range times {
			leader, err := o.quiet(ctx)
			if err != nil {
				return err
			}
			begin := time.Now()
			if !way.do(leader) {
				return fmt.Errorf("%s: there was nothing to end", way.name)
			}
			ack, done, err := o.probeEvent(ctx, begin)
			if err != nil {
				return err
			}
			acknowledged, applied = append(acknowledged, ack), append(applied, done)
		}
		fmt.Printf("| %s | %s | %s |\n", way.name, spread(acknowledged), spread(applied))
	}
	if err := closing(); err != nil {
		return err
	}
	v := &verdict{}
	v.crashes(o)
	return v.err()
}

// quiet waits until both managers are ready, one leads, and an event goes through.
func (o *operator) quiet(ctx context.Context) (leader *manager, err error) {
	if err := o.whole(ctx, patience); err != nil {
		return nil, err
	}
	if _, _, err := o.probeEvent(ctx, time.Now()); err != nil {
		return nil, err
	}
	err = eventually(ctx, time.Minute, "a manager leads", func(ctx context.Context) error {
		if leader = o.leader(ctx); leader == nil {
			return fmt.Errorf("none does")
		}
		return nil
	})
	return leader, err
}

// probeEvent sends an event to both receivers in turn until one acknowledges it, and waits until it is applied.
func (o *operator) probeEvent(ctx context.Context, begin time.Time) (acknowledged, applied time.Duration, err error) {
	now := time.Now()
	id := fmt.Sprintf("evt_%d", now.UnixNano())
	event := stripetest.Event{ID: id, Type: "customer.created", Created: now, Shape: stripetest.New,
		Object: stripetest.Customer(fmt.Sprintf("cus_%d", now.UnixNano()), "ada@example.com", "Ada")}
	turn := 0
	err = eventually(ctx, time.Minute, "an event is acknowledged", func(ctx context.Context) error {
		turn++
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		code, err := o.managers[turn%len(o.managers)].endpoint.Post(ctx, event)
		if err == nil && code != 200 {
			err = fmt.Errorf("it is answered %d", code)
		}
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	acknowledged = time.Since(begin)
	err = eventually(ctx, time.Minute, "an event is applied", func(ctx context.Context) error {
		var e v1alpha1.BillingEvent
		key := client.ObjectKey{Namespace: o.namespace, Name: naming.Object("", id)}
		if err := o.cluster.client.Get(ctx, key, &e); err != nil {
			return err
		}
		if e.Status.Outcome != v1alpha1.OutcomeApplied {
			return fmt.Errorf("it is %s", e.Status.Outcome)
		}
		return nil
	})
	return acknowledged, time.Since(begin), err
}

// spread is the median and the most.
func spread(all []time.Duration) string {
	slices.Sort(all)
	return fmt.Sprintf("%.1f s, %.1f s", all[len(all)/2].Seconds(), all[len(all)-1].Seconds())
}
