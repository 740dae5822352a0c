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

// measureFailover prints a table: for each kind of failure, the time until a new event is acknowledged, and until it is
// applied.
func measureFailover(ctx context.Context, c *cluster, folder string, times int) (err error) {
	binary, err := build(ctx, folder, "")
	if err != nil {
		return err
	}
	remotes := newRemotes(nil)
	defer remotes.close()
	o, err := newOperator(ctx, c, setup{folder: folder, binary: binary, namespace: "failover", remotes: remotes, replicas: 2, election: true})
	closing := sync.OnceValue(o.close)
	defer func() { err = errors.Join(err, closing()) }()
	if err != nil {
		return err
	}
	defer o.disturbance.begin()()
	fmt.Printf("| failure | acknowledged again: median, most | applied again: median, most |\n| --- | --- | --- |\n")
	for _, failure := range []struct {
		name  string
		cause func(leader *manager) bool
	}{
		{"none", func(*manager) bool { return true }},
		{"the leader is told to end (SIGTERM)", func(leader *manager) bool { return leader.terminate() }},
		{"the leader is killed (SIGKILL)", func(leader *manager) bool { return leader.kill(0) }},
		{"the API server is killed and restarted", func(*manager) bool { return c.apiserver.kill(0) }},
		{"etcd is killed and restarted", func(*manager) bool { return c.etcd.kill(0) }},
	} {
		var acknowledged, applied []time.Duration
		for range times {
			leader, err := o.awaitQuiet(ctx)
			if err != nil {
				return err
			}
			begin := time.Now()
			if !failure.cause(leader) {
				return fmt.Errorf("%s: no process was running", failure.name)
			}
			ackTime, applyTime, err := o.probeEvent(ctx, begin)
			if err != nil {
				return err
			}
			acknowledged, applied = append(acknowledged, ackTime), append(applied, applyTime)
		}
		fmt.Printf("| %s | %s | %s |\n", failure.name, medianAndMax(acknowledged), medianAndMax(applied))
	}
	if err := closing(); err != nil {
		return err
	}
	f := &findings{}
	f.checkCrashes(o)
	return f.err()
}

// awaitQuiet waits until both managers are ready, exactly one leads, and an event is applied.
func (o *operator) awaitQuiet(ctx context.Context) (leader *manager, err error) {
	if err := o.awaitReady(ctx, patience); err != nil {
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

// probeEvent posts an event to the receivers in turn until one acknowledges it, and waits until it is applied. The
// times count from begin.
func (o *operator) probeEvent(ctx context.Context, begin time.Time) (acknowledged, applied time.Duration, err error) {
	now := time.Now()
	id := fmt.Sprintf("evt_%d", now.UnixNano())
	event := stripetest.Event{ID: id, Type: "customer.created", Created: now, Shape: stripetest.New,
		Object: stripetest.Customer(fmt.Sprintf("cus_%d", now.UnixNano()), "ada@example.com", "Ada")}
	attempt := 0
	err = eventually(ctx, time.Minute, "an event is acknowledged", func(ctx context.Context) error {
		attempt++
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		code, err := o.managers[attempt%len(o.managers)].endpoint.Post(ctx, event)
		if err == nil && code != 200 {
			err = fmt.Errorf("the answer is %d", code)
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
			return fmt.Errorf("its outcome is %q", e.Status.Outcome)
		}
		return nil
	})
	return acknowledged, time.Since(begin), err
}

// medianAndMax formats the median and the maximum.
func medianAndMax(all []time.Duration) string {
	slices.Sort(all)
	return fmt.Sprintf("%.1f s, %.1f s", all[len(all)/2].Seconds(), all[len(all)-1].Seconds())
}
