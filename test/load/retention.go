package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// oldDays is how old the events are that the retention deletes.
const oldDays = 60

// drainShare is which part of what the receiver can take flows while the old events leave: one in five. It is that of the renewal night of
// 20,000 customers (docs/scaling.md) on the machine of the measurement.
const drainShare = 5

// retention measures what the receiver takes while old events are archived and deleted, against what it takes beside the same events
// while they stay: the two by turns. Then a fifth of the load flows until all old events are gone, and some events are sent again. In the
// end every event is in the cluster or in the archive.
func (b *bench) retention(ctx context.Context, o options) (found figures, err error) {
	found = figures{}
	namespace, err := b.namespace(ctx, "retention")
	if err != nil {
		return found, err
	}
	known, err := b.addOldEvents(ctx, namespace, o.retention, found)
	if err != nil {
		return found, err
	}
	r := &retentionRun{bench: b, options: o, namespace: namespace, known: known, folder: filepath.Join(b.folder, b.next("archive"))}
	if err := r.quiet(ctx, o.span, found); err != nil {
		return found, fmt.Errorf("beside nothing: %w", err)
	}
	var without, during speed
	for n := range o.rounds {
		if err := r.underLoad(ctx, &without, nil); err != nil {
			return found, fmt.Errorf("round %d without the retention: %w", n+1, err)
		}
		if err := r.underLoad(ctx, &during, found, r.flags()...); err != nil {
			return found, fmt.Errorf("round %d during the retention: %w", n+1, err)
		}
	}
	found["retention: acknowledged a second, without it"] = without.rate()
	found["retention: acknowledged a second, during it"] = during.rate()
	found["retention: acknowledged during ÷ without"] = during.rate() / without.rate()
	if err := r.drain(ctx, found, during.rate()/drainShare); err != nil {
		return found, fmt.Errorf("until all are gone: %w", err)
	}
	return found, r.compare(ctx, found)
}

// addOldEvents puts settled events into etcd, and notes what memory they take in the API server. It returns their ids.
func (b *bench) addOldEvents(ctx context.Context, namespace string, n int, found figures) (map[string]bool, error) {
	const atOnce = 10_000
	empty, err := b.apiserver.resident()
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for n > len(known) {
		objects, err := b.exemplar.settledEvents(namespace, b.next("O"), min(atOnce, n-len(known)))
		if err != nil {
			return nil, err
		}
		for i := range objects {
			id, err := objects[i].age(time.Now().AddDate(0, 0, -oldDays-i%3))
			if err != nil {
				return nil, err
			}
			known[id] = true
		}
		if err := b.put(ctx, objects); err != nil {
			return nil, err
		}
		if err := b.awaitCached(ctx, namespace, &v1alpha1.BillingEventList{}, objects[len(objects)-1].name); err != nil {
			return nil, err
		}
	}
	full, err := b.apiserver.resident()
	found["retention: API server's memory for 100,000 events in MiB"] = (full - empty) / (1 << 20) / float64(n) * 100_000
	return known, err
}

// age makes the event one that Stripe created, and that was settled, at that time. It returns the event's id.
func (s *stored) age(at time.Time) (id string, err error) {
	var o unstructured.Unstructured
	if err := json.Unmarshal(s.value, &o.Object); err != nil {
		return "", err
	}
	text := at.UTC().Format(time.RFC3339)
	err = errors.Join(
		unstructured.SetNestedField(o.Object, text, "spec", "created"),
		unstructured.SetNestedField(o.Object, text, "status", "processedAt"))
	if err == nil {
		s.value, err = json.Marshal(o.Object)
	}
	id, _, _ = unstructured.NestedString(o.Object, "spec", "eventID")
	return id, err
}

// retentionRun is the state of one measurement.
type retentionRun struct {
	*bench
	options
	namespace, folder string
	known             map[string]bool      // the ids of all events that were put in, or acknowledged
	last              [][]stripetest.Event // by customer, of the last round
}

func (r *retentionRun) flags() []string {
	return []string{"--archive-url=file://" + r.folder, "--event-retention=744h"}
}

// speed is how many events were acknowledged in a time.
type speed struct {
	events int
	took   time.Duration
}

func (s *speed) rate() float64 { return float64(s.events) / s.took.Seconds() }

// underLoad starts a manager and posts a round of the load, as fast as it is acknowledged. With flags that archive, the deletions
// have begun before, and found notes how many there are meanwhile.
func (r *retentionRun) underLoad(ctx context.Context, to *speed, found figures, flags ...string) (err error) {
	before, err := r.old(ctx)
	if err != nil {
		return err
	}
	m, err := r.startManager(ctx, r.namespace, false, flags...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	if found == nil {
		err = r.awaitRest(ctx, m)
	} else {
		before, err = r.awaitDeletion(ctx, before)
	}
	if err != nil {
		return err
	}
	begin := time.Now()
	s, err := r.round(ctx, m, 0)
	if err != nil {
		return err
	}
	to.events, to.took = to.events+len(s.took), to.took+s.end.Sub(begin)
	if found == nil {
		return nil
	}
	after, err := r.old(ctx)
	found["retention: deleted during the rounds, until all was settled"] += float64(before - after)
	return err
}

// quiet measures the deletions alone over the time.
func (r *retentionRun) quiet(ctx context.Context, span time.Duration, found figures) (err error) {
	before, err := r.old(ctx)
	if err != nil {
		return err
	}
	m, err := r.startManager(ctx, r.namespace, false, r.flags()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	if before, err = r.awaitDeletion(ctx, before); err != nil {
		return err
	}
	begin := time.Now()
	used, err := r.usage(ctx, m)
	if err != nil {
		return err
	}
	pause(ctx, span)
	after, err := r.usage(ctx, m)
	if err != nil {
		return err
	}
	left, err := r.old(ctx)
	n := float64(before - left)
	found["retention: deleted a second beside nothing"] = n / time.Since(begin).Seconds()
	found["retention: API server CPU of a deletion in ms"] = ratio(after.apiserver-used.apiserver, time.Duration(n*float64(time.Millisecond)))
	return err
}

// awaitDeletion waits until fewer than so many old events are in the cluster, and returns how many there are.
func (r *retentionRun) awaitDeletion(ctx context.Context, before int) (left int, err error) {
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, 20*time.Minute, true, func(ctx context.Context) (bool, error) {
		left, err = r.old(ctx)
		return left < before, err
	})
	if err != nil {
		return 0, fmt.Errorf("no event is deleted: %w", err)
	}
	return left, nil
}

// awaitRest waits until the manager has looked at all that is stored, as each new leader does: until it and the API server use less than a
// tenth of a processor.
func (r *retentionRun) awaitRest(ctx context.Context, m *manager) error {
	const span, share = time.Second, 10
	used := func() (time.Duration, error) {
		server, err := r.apiserver.cpu()
		if err != nil {
			return 0, err
		}
		controllers, err := m.cpu()
		return server + controllers, err
	}
	before, err := used()
	if err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, span, 10*time.Minute, false, func(context.Context) (bool, error) {
		after, err := used()
		isAtRest := after-before < span/share
		before = after
		return isAtRest, err
	})
}

// old is how many of the old events are in the cluster. Call it between rounds.
func (r *retentionRun) old(ctx context.Context) (int, error) {
	all, err := r.count(ctx, "billingevents", r.namespace)
	return all - (len(r.known) - r.options.retention), err
}

// drain posts events at the rate until all old events are gone. Of every tenth customer it posts the events again, which must record
// nothing.
func (r *retentionRun) drain(ctx context.Context, found figures, rate float64) (err error) {
	m, err := r.startManager(ctx, r.namespace, false, r.flags()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	before, err := r.usage(ctx, m)
	if err != nil {
		return err
	}
	left, err := r.old(ctx)
	if err != nil {
		return err
	}
	posted, again, was, begin := 0, 0, left, time.Now()
	for shown := begin; left > 0; {
		over := time.Duration(float64(r.customers*len(r.exemplar.events)) / rate * float64(time.Second))
		s, err := r.round(ctx, m, over)
		if err != nil {
			return err
		}
		n, err := r.resend(ctx, m)
		if err != nil {
			return err
		}
		posted, again = posted+len(s.took), again+n
		if left, err = r.old(ctx); err != nil {
			return err
		}
		if time.Since(shown) > time.Minute {
			fmt.Printf("%d of %d old events are left\n", left, r.options.retention)
			shown = time.Now()
		}
	}
	minutes := time.Since(begin).Minutes()
	found["retention: deleted beside a fifth of the load"] = float64(was)
	found["retention: deleted a second beside a fifth of the load"] = float64(was) / minutes / 60
	found["retention: acknowledged a second beside a fifth of the load"] = float64(posted) / minutes / 60
	return errors.Join(r.noteDrain(ctx, m, found, before), r.checkResends(ctx, m, found, posted, again))
}

// noteDrain notes what the deletions took.
func (r *retentionRun) noteDrain(ctx context.Context, m *manager, found figures, before usage) error {
	after, err := r.usage(ctx, m)
	if err != nil {
		return err
	}
	found["retention: manager CPU ÷ API server CPU"] = ratio(after.manager-before.manager, after.apiserver-before.apiserver)
	peak, err := m.memory()
	found["retention: manager's peak memory in MiB"] = peak / (1 << 20)
	return err
}

// resend posts the events of every tenth customer of the last round once more. It returns how many it posted.
func (r *retentionRun) resend(ctx context.Context, m *manager) (int, error) {
	s, n := newSender(m.endpoint, len(r.last)), 0
	for i, events := range r.last {
		if i%10 == 0 {
			s.add(i, time.Now(), events, atOnce)
			n += len(events)
		}
	}
	return n, s.run(ctx, concurrency)
}

// checkResends checks that of the acknowledged events each was recorded once.
func (r *retentionRun) checkResends(ctx context.Context, m *manager, found figures, posted, again int) error {
	text, err := fetch(ctx, m.metrics)
	if err != nil {
		return err
	}
	all, err := families(text)
	if err != nil {
		return err
	}
	recorded := 0
	for _, series := range all["tollkeeper_events_recorded_total"].GetMetric() {
		recorded += int(series.GetCounter().GetValue())
	}
	found["retention: events sent again"], found["retention: recorded twice"] = float64(again), float64(recorded-posted)
	if recorded != posted {
		return fmt.Errorf("of %d events, and %d that were sent again, %d were recorded", posted, again, recorded)
	}
	return nil
}

// round posts the events of new customers over the time, and waits until all are settled.
func (r *retentionRun) round(ctx context.Context, m *manager, over time.Duration) (*sender, error) {
	s, begin := newSender(m.endpoint, r.customers), time.Now()
	prefix := r.next("L")
	r.last = nil
	for i := range r.customers {
		planned := signedUp(fmt.Sprintf("%sx%08d", prefix, i), time.Now()).take()
		r.last = append(r.last, planned)
		for _, e := range planned {
			r.known[e.ID] = true
		}
		s.add(i, begin.Add(over*time.Duration(i)/time.Duration(r.customers)), planned, atOnce)
	}
	return s, errors.Join(s.run(ctx, concurrency), r.awaitSettled(ctx, r.namespace))
}

// compare notes how many of the events are neither in the cluster nor in the archive, and what the archive takes.
func (r *retentionRun) compare(ctx context.Context, found figures) error {
	kept, next := map[string]bool{}, ""
	for {
		var page v1alpha1.BillingEventList
		if err := r.plane.Client.List(ctx, &page, client.InNamespace(r.namespace), client.Limit(500), client.Continue(next)); err != nil {
			return err
		}
		for i := range page.Items {
			kept[page.Items[i].Spec.EventID] = true
		}
		if next = page.Continue; next == "" {
			break
		}
	}
	a, err := archive.Open(ctx, "file://"+r.folder)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	archived, again, bytes, head := map[string]bool{}, 0, int64(0), archive.Head{}
	for {
		batch, err := a.Next(ctx, head)
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		for _, ref := range batch.Events {
			if archived[ref.EventID] {
				again++
			}
			archived[ref.EventID] = true
		}
		head, bytes = batch.Head, bytes+batch.Bytes
	}
	lost, both := 0, 0
	for id := range r.known {
		if !kept[id] && !archived[id] {
			lost++
		}
		if kept[id] && archived[id] {
			both++
		}
	}
	found["retention: events recorded"] = float64(len(r.known))
	found["retention: events in the cluster"] = float64(len(kept))
	found["retention: events in the archive"] = float64(len(archived))
	found["retention: events in both"] = float64(both)
	found["retention: events archived again"] = float64(again)
	found["retention: events lost"] = float64(lost)
	found["retention: batches"] = float64(head.Batch)
	found["retention: bytes an event in the archive"] = float64(bytes) / float64(max(1, head.Events))
	if lost > 0 || len(kept)+len(archived)-both != len(r.known) {
		return fmt.Errorf("%d of %d events are lost: the archive has %d, the cluster %d", lost, len(r.known), len(archived), len(kept))
	}
	return nil
}
