package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// load is a way in which events come.
type load struct {
	name      string
	customers int
	// signedUp is true if the customers are in the cluster before the load.
	signedUp bool
	// ops happen to each customer at Stripe.
	ops []stripetest.Op
	// gap is the time between two events of one customer.
	gap func() time.Duration
	// over is the time over which the customers begin; with half, it follows from what the load before could take.
	over time.Duration
	half bool
}

func atOnce() time.Duration { return 0 }

// secondsApart is how Stripe sends a renewal: 0.15 to 2 s between two events.
func secondsApart() time.Duration {
	return 150*time.Millisecond + rand.N(1850*time.Millisecond)
}

func loads(o options) []load {
	return []load{
		{name: "sign-ups", customers: o.customers, gap: atOnce},
		{name: "singles", customers: 5 * o.customers, signedUp: true, ops: []stripetest.Op{stripetest.ChangeQuantity}, gap: atOnce},
		{name: "renewal night", customers: 5 * o.customers, signedUp: true, ops: []stripetest.Op{stripetest.Renew}, gap: secondsApart,
			over: 10 * time.Second},
		{name: "half load", customers: 5 * o.customers, signedUp: true, ops: []stripetest.Op{stripetest.Renew}, gap: secondsApart, half: true},
	}
}

// load runs a load with a manager and a namespace of its own.
func (b *bench) load(ctx context.Context, l load, limit raw, found figures) (err error) {
	namespace, err := b.namespace(ctx, "load")
	if err != nil {
		return err
	}
	customers, err := b.customersOf(ctx, l, namespace)
	if err != nil {
		return err
	}
	m, err := b.startManager(ctx, namespace, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	s := newSender(m.endpoint, len(customers))
	begin, events := time.Now().Add(500*time.Millisecond), 0
	over := l.over
	if l.half {
		over = time.Duration(2 * float64(l.customers) * 10 / found["renewal night: shown a second"] * float64(time.Second))
	}
	for i, c := range customers {
		for _, op := range l.ops {
			c.do(op)
		}
		planned := c.take()
		events += len(planned)
		s.add(i, begin.Add(over*time.Duration(i)/time.Duration(len(customers))), planned, l.gap)
	}
	return b.drive(ctx, l, m, s, namespace, customers, begin, events, limit, found)
}

// customersOf makes the load's customers at Stripe, and in the cluster if they have signed up before.
func (b *bench) customersOf(ctx context.Context, l load, namespace string) ([]*customer, error) {
	if !l.signedUp {
		var customers []*customer
		for i := range l.customers {
			customers = append(customers, signedUp(fmt.Sprintf("%sx%08d", b.next("L"), i), time.Now()))
		}
		return customers, nil
	}
	return b.addCustomers(ctx, namespace, l.customers)
}

// drive posts the events, waits until everything is settled, and notes what it took.
func (b *bench) drive(
	ctx context.Context, l load, m *manager, s *sender, namespace string, customers []*customer, begin time.Time, events int, limit raw, found figures,
) error {
	seen, err := b.watch(ctx, namespace)
	if err != nil {
		return err
	}
	before, err := b.usage(ctx, m)
	if err != nil {
		return err
	}
	flights := concurrency
	if l.half {
		flights = 256 // an open loop
	}
	if err := errors.Join(s.run(ctx, flights), b.awaitSettled(ctx, namespace)); err != nil {
		return err
	}
	settled := time.Now()
	after, err := b.usage(ctx, m)
	if err != nil {
		return err
	}
	since, err := seen.stop()
	if err != nil {
		return err
	}
	waits, shown, err := shownTimes(customers, s.lastAcked, since)
	if err != nil {
		return err
	}
	n := float64(events)
	peak, err := m.memory()
	note := func(name string, value float64) { found[l.name+": "+name] = value }
	note("acknowledged a second", n/s.end.Sub(begin).Seconds())
	note("acknowledged ÷ raw", n/s.end.Sub(begin).Seconds()/limit.rate)
	note("p50 ÷ raw", ratio(quantile(s.took, 0.5), limit.p50))
	note("p99 ÷ raw", ratio(quantile(s.took, 0.99), limit.p99))
	note("answers of 503", float64(s.refused))
	note("shown a second", n/shown.Sub(begin).Seconds())
	note("shown ÷ raw", n/shown.Sub(begin).Seconds()/limit.rate)
	note("settled ÷ raw", n/settled.Sub(begin).Seconds()/limit.rate)
	note("2xx to shown, p50 in ms", milliseconds(quantile(waits, 0.5)))
	note("2xx to shown, p99 in ms", milliseconds(quantile(waits, 0.99)))
	used := after.requests.since(before.requests)
	note("writes an event", used.writes()/n)
	for name, count := range used {
		note("requests an event: "+name, count/n)
	}
	apiserver, manager := after.apiserver-before.apiserver, after.manager-before.manager
	note("API server CPU an event ÷ raw create", ratio(apiserver, limit.cpu)/n)
	note("manager CPU ÷ API server CPU", ratio(manager, apiserver))
	note("manager's peak memory in MiB", peak/(1<<20))
	return err
}

// shownTimes returns how long after its last 2xx each customer's result was shown, and when all were.
func shownTimes(customers []*customer, acked []time.Time, since map[string]time.Time) (waits []time.Duration, all time.Time, err error) {
	for i, c := range customers {
		var at time.Time
		for _, name := range c.objects() {
			if since[name].IsZero() {
				return nil, all, fmt.Errorf("customer %s has no object %s", c.id, name)
			}
			if since[name].After(at) {
				at = since[name]
			}
		}
		waits = append(waits, max(0, at.Sub(acked[i])))
		if at.After(all) {
			all = at
		}
	}
	return waits, all, nil
}

// usage is what the processes have used so far.
type usage struct {
	apiserver, manager time.Duration
	requests           requests
}

func (b *bench) usage(ctx context.Context, m *manager) (u usage, err error) {
	if u.requests, err = b.requests(ctx); err != nil {
		return u, err
	}
	if u.apiserver, err = b.apiserver.cpu(); err != nil {
		return u, err
	}
	u.manager, err = m.cpu()
	return u, err
}
